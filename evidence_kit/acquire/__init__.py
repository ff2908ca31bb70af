"""The engine: plan, run, seal, resume. Collectors yield; this writes, hashes, signs, waits and retries."""
