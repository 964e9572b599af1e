"""Columns that tenants.yaml expects and the schema of a tenant lacks."""

from tenantry.config.expected_columns import ExpectedColumn
from tenantry.schema.snapshot import Snapshot


def find_unexpected(columns: tuple[ExpectedColumn, ...], snapshot: Snapshot) -> list[str]:
    """Return a line for each column that a schema lacks, or that differs there."""
    lines: list[str] = []
    for column in columns:
        shown = column.name.removeprefix("public.")
        found = snapshot.objects.get(("column", column.name))
        if found is None:
            lines.append(f"{shown}: missing, expected {column.type or 'a column'}")
            continue
        found_type = found.facts["type"].removeprefix("public.")
        if column.type and found_type != column.type:
            lines.append(f"{shown}: type {found_type}, expected {column.type}")
        if column.not_null and found.facts.get("not null") != "yes":
            lines.append(f"{shown}: may be null, expected not null")
    return lines
