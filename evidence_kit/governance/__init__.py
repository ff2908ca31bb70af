"""What an organisation has and allows: inventory today; agreements, policy and clocks beside it."""
