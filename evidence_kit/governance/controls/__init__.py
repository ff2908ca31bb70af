"""Controls of standards and laws as data, and which recorded facts are evidence for each."""
