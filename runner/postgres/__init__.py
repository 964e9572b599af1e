"""Talking to PostgreSQL: connections, transactions, locks, what its errors mean."""
