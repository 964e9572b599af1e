"""Durations as people write them, in PostgreSQL's own units. Pure."""

import re

# The units of PostgreSQL's own settings except microseconds: no timeout is that short.
_UNITS_MS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
# Also the pattern of docs/tenants.schema.json: only syntax that JSON Schema shares with Python.
DURATION_PATTERN = r"^([0-9]{1,9}) ?(ms|s|min|h|d)$"
# PostgreSQL stores settings in milliseconds as 32-bit integers.
_LONGEST_MS = 2**31 - 1
EXPECTED_DURATION = "a time such as 500ms, 5s or 10min"


def parse_duration(text: str) -> int | None:
    """Return a text such as 500ms, 5s or 10min in milliseconds; None if it is not a duration, or too long to set."""
    found = re.match(DURATION_PATTERN, text)
    if not found:
        return None
    duration_ms = int(found[1]) * _UNITS_MS[found[2]]
    return duration_ms if duration_ms <= _LONGEST_MS else None
