"""What can be preserved at Google."""
