"""Documents about a case that people file, sign and send: made from the report's model by templates."""
