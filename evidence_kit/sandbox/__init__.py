"""A small multi-cloud on loopback, for the demo and the tests; it holds no real evidence."""
