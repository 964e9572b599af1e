"""Talking to PostgreSQL: connections, transactions, locks, and the meaning of its errors."""
