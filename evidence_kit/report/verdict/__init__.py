"""A verification report in the formats that CI systems read."""
