"""Private keys that can be used but not seen."""
