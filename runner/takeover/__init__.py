"""Databases, records and files that come from elsewhere."""
