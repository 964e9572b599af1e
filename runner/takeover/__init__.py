"""Adopt databases without a ledger, and import the records and files of other migration tools."""
