"""The embedded PostgreSQL: start, stop, where. Its parts know nothing of tenants or migrations."""

from runner.server.cluster import EmbeddedServer, StopMode
from runner.server.programs import check_time_zones, find_binaries, read_major

__all__ = ["EmbeddedServer", "StopMode", "check_time_zones", "find_binaries", "read_major"]
