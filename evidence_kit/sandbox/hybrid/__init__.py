"""One incident in four estates at once: AWS, Microsoft, Google Cloud and two partners, all on loopback."""
