"""Drafts of DDL: the statements that turn one schema into another, for a person to review."""
