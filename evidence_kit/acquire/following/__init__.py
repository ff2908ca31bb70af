"""Following an incident: pass after pass, each window once, as its source settles."""
