"""Handing out part of a case, with what proves it."""
