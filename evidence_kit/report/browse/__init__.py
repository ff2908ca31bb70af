"""Browsing cases too big for one file, from a read-only server on this machine."""
