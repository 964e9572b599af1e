"""A database's schema: read, compared, written as DDL."""
