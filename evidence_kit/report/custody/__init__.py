"""The custody record that a court asks for, as a model and as text."""
