"""Runs of playbooks as reports tell them, and reports as playbooks write them."""
