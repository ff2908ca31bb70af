"""The code that acquires: one package a provider, one file a mechanism."""
