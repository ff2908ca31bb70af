"""What the REST providers share: one tapped HTTP call, paging by links and tokens, and calls described as data."""
