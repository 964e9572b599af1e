"""Sizes in bytes as people write them, in PostgreSQL's own units. Pure."""

import re

_UNITS = {"B": 1, "kB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}
# Also a pattern of docs/tenants.schema.json: only syntax that JSON Schema shares with Python.
SIZE_PATTERN = r"^([0-9]{1,9}) ?(B|kB|MB|GB|TB)$"
EXPECTED_SIZE = "a size such as 512 kB, 1 MB or 10 GB, or 0"


def parse_size(text: str) -> int | None:
    """Return a text such as 512 kB or 1MB in bytes, 0 without a unit; None if it is not a size."""
    if text == "0":
        return 0
    found = re.match(SIZE_PATTERN, text)
    return int(found[1]) * _UNITS[found[2]] if found else None
