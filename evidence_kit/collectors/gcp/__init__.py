"""Google Cloud: Cloud Logging through Google's own client, everything else by calls described as data."""
