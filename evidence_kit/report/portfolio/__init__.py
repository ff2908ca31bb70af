"""All cases of an organisation on one page: coverage, time to sealed evidence, what is open and what is overdue."""
