"""Readiness: what could be collected today, how far back, whether logging is on, and what has changed since."""
