"""Scratch databases: files are run there to know what they make."""
