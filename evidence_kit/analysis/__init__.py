"""What can be computed from stored evidence: coverage and cross-checks. Derived, rebuildable, never evidence."""
