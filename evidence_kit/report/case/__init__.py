"""One model of a case, and the page, the text and the JSON that are made of it."""
