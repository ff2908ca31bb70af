"""What a case shows, as one document in an exchange format: a bounded graph, indicators that were found, an event."""
