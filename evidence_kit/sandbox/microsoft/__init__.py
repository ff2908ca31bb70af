"""Microsoft on loopback: Entra's tokens, Graph, Resource Manager, the activity feed, over TLS, faults on demand."""
