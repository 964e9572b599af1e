"""Columns that every tenant must have, as tenants.yaml lists them under `expect`; pure."""

import re
from dataclasses import dataclass

# table.column, perhaps with a schema, then its type and `not null`.
EXPECTED_PATTERN = (
    r"^(([a-z_][a-z0-9_$]*)\.)?([a-z_][a-z0-9_$]*)\.([a-z_][a-z0-9_$]*)"
    r"(\s+([a-z][a-z0-9_ ]*?(\(\s*[0-9]+\s*(,\s*[0-9]+\s*)?\))?( with(out)? time zone)?(\[\])*))??(\s+(not null))?\s*$"
)
# Types as people write them, and as the catalog spells them.
_TYPES = {
    "bool": "boolean",
    "bpchar": "character",
    "char": "character",
    "dec": "numeric",
    "decimal": "numeric",
    "float": "double precision",
    "float4": "real",
    "float8": "double precision",
    "int": "integer",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "timestamptz": "timestamp",
    "timetz": "time",
    "varbit": "bit varying",
    "varchar": "character varying",
}
_PARTS = re.compile(r"([a-z0-9_ ]+?) ?(?:\(([0-9 ,]+)\))?( with(?:out)? time zone)?((?: ?\[\])*)$")


@dataclass(frozen=True, slots=True)
class ExpectedColumn:
    """A column that every tenant must have; `type` is empty if any type will do."""

    name: str
    type: str
    not_null: bool


def parse_expected(line: str) -> ExpectedColumn:
    """Return the column that a line matching EXPECTED_PATTERN asks for."""
    found = re.match(EXPECTED_PATTERN, " ".join(line.split()))
    assert found is not None, "the pattern is checked before"
    _, schema, table, column, _, type_name, *_, not_null = found.groups()
    return ExpectedColumn(
        f"{schema or 'public'}.{table}.{column}", _spell_type(type_name or ""), not_null=not_null is not None
    )


def _spell_type(written: str) -> str:
    """Return a type as the catalog spells it."""
    found = _PARTS.match(written)
    if found is None:
        return written
    word, given, zone, array = found.groups()
    name, size = _TYPES.get(word, word), (given or "").replace(" ", "")
    if name in ("character", "bit") and not size:
        size = "1"
    if name == "numeric" and size and "," not in size:
        size += ",0"
    if name in ("time", "timestamp"):
        zone = " with time zone" if word.endswith("tz") else zone or " without time zone"
    return f"{name}{f'({size})' if size else ''}{zone or ''}{array.replace(' ', '')}"
