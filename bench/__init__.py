"""What a run costs, measured against the least that the same driver can do and against psql: `python -m bench`."""
