"""Planted differences, by what they are of: tables, parts of tables, and others."""
