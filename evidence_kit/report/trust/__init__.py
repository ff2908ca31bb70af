"""The trust policy, shown to people and translated for other programs."""
