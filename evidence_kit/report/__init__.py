"""What leaves the program for others: verdicts in the formats that CI systems read, and parcels for people."""
