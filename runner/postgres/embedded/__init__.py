"""The embedded PostgreSQL: start, stop, where. Its parts know nothing of tenants or migrations."""

from tenantry.postgres.embedded.cluster import EmbeddedServer, StopMode
from tenantry.postgres.embedded.programs import check_time_zones, find_binaries, read_major

__all__ = ["EmbeddedServer", "StopMode", "check_time_zones", "find_binaries", "read_major"]
