"""Tenants as the query returns them, one in each row: the rules of the list, with row numbers for positions."""

from collections.abc import Iterator, Mapping, Sequence

from tenantry.config.document import Plain, stop
from tenantry.config.model import Config, Mistake
from tenantry.config.quick import make_plain
from tenantry.config.tenants import check_tenant, find_clashes
from tenantry.config.validation import TENANT_KEYS, validate_row
from tenantry.model import Tenant
from tenantry.model.errors import ConfigError, Problem
from tenantry.model.words import nearest, one_of

# NULL in these columns is the same as no such column.
_OPTIONAL = frozenset({"name", "labels", "lock-timeout", "role", "pin", "freeze"})


def tenants_from_rows(config: Config, rows: Sequence[Mapping[str, object]]) -> tuple[Tenant, ...]:
    """Return the tenants of the rows of `config.tenant_query`, in their order.

    `id` is the only required column; a NULL in an optional column counts as no such column. Raises ConfigError
    with all mistakes, by row number from 1, and if there are no rows.
    """
    at = f"{config.rules.query_at}: tenants.query"
    if not rows:
        stop(f"{at}: no rows, expected one for each tenant", "select only the master with --tenants master")
    problems = [Problem(f"{at}: {what}", hint) for what, hint in _check_columns(rows[0])]
    # A wrong column would be reported again for each of perhaps a thousand rows.
    if problems:
        raise ConfigError(tuple(problems))
    # The master takes part, since no tenant may have its database.
    places = {"tenants.yaml": config.master} if config.master else {}
    for number, row in enumerate(rows, start=1):
        found = make_plain(row, config.rules) or validate_row(convert_row(row), config.rules)
        if isinstance(found, Tenant):
            places[f"row {number}"] = found
            found = [Mistake(f"{key}: {what}", hint) for key, (what, hint) in check_tenant(found, config.rules)]
        problems += [Problem(f"{at}: row {number}: {what}", hint) for what, hint in found]
    names, tenants = list(places), tuple(places.values())
    for index, mistake in find_clashes(tenants, config.rules, lambda index: names[index]):
        problems.append(Problem(f"{at}: {names[index]}: {mistake.what}", mistake.hint))
    if problems:
        raise ConfigError(tuple(problems))
    return tenants[1:] if config.master else tenants


def _check_columns(row: Mapping[str, object]) -> Iterator[Mistake]:
    for column in row:
        if column not in TENANT_KEYS:
            yield Mistake(f"unknown column {column!r}, expected {one_of(TENANT_KEYS)}", nearest(column, TENANT_KEYS))
    if "id" not in row:
        yield Mistake("no column 'id', expected one", "write SELECT ... AS id")


def convert_row(row: Mapping[str, object]) -> dict[str, object]:
    """Return a row with values as those from YAML, without NULL in optional columns."""
    return {
        column: _convert_cell(value) for column, value in row.items() if value is not None or column not in _OPTIONAL
    }


def _convert_cell(value: object) -> object:
    """Return a value from the database as one from YAML."""
    from uuid import UUID

    match value:
        case None:
            return Plain("NULL", "")
        case bool():
            return Plain("boolean", str(value).lower())
        case int() | float():
            return Plain("number", str(value))
        case UUID():
            return str(value)
        case dict():
            return {key: _convert_cell(cell) for key, cell in value.items()}
    return value
