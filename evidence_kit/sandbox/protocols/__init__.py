"""How AWS services are spoken with, as botocore's models describe it: requests read, answers written."""
