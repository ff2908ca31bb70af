"""Packing a case or a bag for its way to somebody else."""
