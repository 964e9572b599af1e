"""A database's schema, read from its catalog in one round trip: as a snapshot, or as its fingerprint alone."""

from tenantry.schema.catalog.query import describe_query
from tenantry.schema.catalog.read import read_fingerprint, read_snapshot

__all__ = ["describe_query", "read_fingerprint", "read_snapshot"]
