"""The embedded PostgreSQL server: starting, stopping, locating. Its modules know nothing of tenants or migrations."""
