"""The register of partners as a page for people."""
