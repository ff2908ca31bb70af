"""Files that a partner delivers, taken as they are, and the partner's own proof held against them."""
