"""What can be preserved at AWS."""
