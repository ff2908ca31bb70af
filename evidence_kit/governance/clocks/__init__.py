"""Regulatory and contractual clocks as data: what they are, when they end by every reading, and which of them run."""
