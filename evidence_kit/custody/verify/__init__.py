"""Verification: trust, log, seal, files, attestations, ledger, provider proofs. Reads; never writes or connects."""
