"""The embedded PostgreSQL: start, stop, where. Its parts know nothing of tenants or migrations."""
