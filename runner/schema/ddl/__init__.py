"""Drafts of DDL: the statements that make one schema into another, for a person to review."""
