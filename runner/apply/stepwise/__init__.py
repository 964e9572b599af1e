"""A file that runs outside a transaction: statement by statement, each with its record."""
