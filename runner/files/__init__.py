"""The migration folder: files read and checked before any database is touched."""
