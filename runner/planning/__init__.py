"""Decide which files a tenant gets and which versions it loses, from its files and ledger rows. Pure."""
