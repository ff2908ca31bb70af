"""Partner APIs: one mechanism that does what a connector's file says."""
