"""Playbooks: read, judged, planned and run; what they take and decide goes through engine and custody log."""
