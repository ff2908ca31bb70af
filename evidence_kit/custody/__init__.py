"""The proof: attest, bag, log, seal, trust, verify. Pure and offline: no socket, no SDK, no plug-in."""
