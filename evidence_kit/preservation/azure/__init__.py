"""What can be preserved at Microsoft."""
