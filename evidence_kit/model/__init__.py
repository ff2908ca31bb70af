"""The words of this project as plain frozen data, and its ports. Imports nothing of ours but errors."""
