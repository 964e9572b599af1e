"""The matches between another tool's records and the migrations here."""

import re
from collections.abc import Mapping, Sequence

from tenantry.model import Migration
from tenantry.takeover.files.conversions import parse_source

# Not followed by a dot: 1.1 of Flyway is not our version 1. Of a bigint, as versions are.
_NUMBER = re.compile(r"^[vV]?0*(\d{1,19})(?![\d.])")


def find_migrations(tool: str, ids: Sequence[str], migrations: Sequence[Migration]) -> Mapping[str, Migration]:
    """Return the migration of each id that has one.

    First by the line `-- source: TOOL ID` in a file's header, which the import of files writes; then by the file's
    whole name; then by its number, if no two ids have the same one.
    """
    by_source = {name: m for m in migrations if (name := _read_source(m, tool))}
    by_stem = {m.path.rsplit("/", 1)[-1].removesuffix(".sql"): m for m in migrations}
    by_version = {m.version: m for m in migrations}
    numbers = {name: int(number[1]) for name in ids if (number := _NUMBER.match(name))}
    unique = {name: number for name, number in numbers.items() if list(numbers.values()).count(number) == 1}
    found: dict[str, Migration] = {}
    for name in ids:
        migration = by_source.get(name) or by_stem.get(name)
        # With source lines there is no need to guess: an equal number would be a coincidence.
        if migration is None and not by_source and name in unique:
            migration = by_version.get(unique[name])
        if migration:
            found[name] = migration
    return found


def is_by_number(tool: str, name: str, path: str, migration: Migration) -> bool:
    """Return whether an id and a migration share only a number. `path` is the other tool's file."""
    stem = migration.path.rsplit("/", 1)[-1].removesuffix(".sql")
    return _read_source(migration, tool) != name and stem != name and migration.name not in path.lower()


def _read_source(migration: Migration, tool: str) -> str:
    """Return the tool's id of a file that was imported from it; empty for any other file."""
    source = parse_source(migration.text)
    return source[1] if source and source[0] == tool else ""
