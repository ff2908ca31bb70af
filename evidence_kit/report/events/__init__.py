"""The records of a case in the formats of other tools: derived, and saying of every row where it comes from."""
