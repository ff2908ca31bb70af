"""Acquiring by workers elsewhere: they ask and spool, the coordinator fetches, signs and records. Never both."""
