"""Storage parameters and the options of foreign tables, which a snapshot holds as `name=value, name=value`."""

from collections.abc import Iterator

from tenantry.schema.ddl.names import parse_settings, quote


def write_settings(start: str, found: str, expected: str) -> Iterator[str]:
    """Yield SET and RESET of storage parameters."""
    old, new = parse_settings(found), parse_settings(expected)
    if gone := [name for name in old if name not in new]:
        yield f"{start} RESET ({', '.join(gone)})"
    if changed := [f"{name}={value}" for name, value in new.items() if old.get(name) != value]:
        yield f"{start} SET ({', '.join(changed)})"


def write_options(options: str) -> str:
    """Return the options of a foreign table or column as SQL."""
    return ", ".join(f"{name} {quote(value)}" for name, value in parse_settings(options).items())


def alter_options(found: str, expected: str) -> str:
    """Return the changes that turn foreign options into others."""
    old, new = parse_settings(found), parse_settings(expected)
    parts = [f"DROP {name}" for name in old if name not in new]
    for name, value in new.items():
        if old.get(name) != value:
            parts.append(f"{'SET' if name in old else 'ADD'} {name} {quote(value)}")
    return ", ".join(parts)
