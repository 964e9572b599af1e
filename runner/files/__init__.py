"""The migration folder: its files are read and checked before any database is touched."""
