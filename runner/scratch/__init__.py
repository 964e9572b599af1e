"""Scratch databases: files are run there to learn the schema that they produce."""
