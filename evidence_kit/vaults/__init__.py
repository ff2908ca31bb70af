"""Where a case lives."""
