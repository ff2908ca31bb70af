"""Google's APIs on loopback over TLS: Cloud Logging, tokens, Resource Manager, and lists from a store."""
