"""A partner on loopback: it answers what a fixture says, checks who asks, and pages as the connector expects."""
