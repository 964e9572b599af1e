"""A database's schema, read from its catalog in one round trip: as a snapshot, or only as its fingerprint."""
