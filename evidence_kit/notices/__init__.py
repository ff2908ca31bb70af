"""Messages to people: who is told what, by which channel, and never a word of evidence."""
