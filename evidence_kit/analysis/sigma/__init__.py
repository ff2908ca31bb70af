"""Sigma rules over the records of a case: each is run, or listed with the reason why it cannot be."""
