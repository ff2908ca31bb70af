"""Carrying a playbook out: one step after the other, each end on record before the next begins."""
