"""The catalogue: one YAML file a source."""
