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


# How long people wait: minutes are often written as m, which is no unit of PostgreSQL's.
SPAN_PATTERN = r"^([0-9]{1,9}) ?(ms|s|m|min|h|d)$"
EXPECTED_SPAN = "a time such as 30s, 10m or 2h"


def parse_span(text: str) -> float | None:
    """Return a text such as 30s, 10m or 2h in seconds, more than 0; None if it is not such a time."""
    found = re.match(SPAN_PATTERN, text)
    return int(found[1]) * (_UNITS_MS | {"m": 60_000})[found[2]] / 1000 or None if found else None


def describe_span(seconds: float) -> str:
    """Return a time as people write it: 90 s, 10 min, 2 h."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
