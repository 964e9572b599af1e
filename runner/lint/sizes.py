"""The sizes of tables in one tenant, and how a size is written."""

from collections.abc import Iterable, Sequence

from tenantry.model.results import TableSize
from tenantry.model.tenants import MASTER
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection

_UNITS = ("kB", "MB", "GB", "TB", "PB")
# Up to here a number is still written in the smaller unit.
_MOST = 10 * 1024


def read_sizes(connection: Connection, tenant: str, relations: Sequence[str]) -> tuple[TableSize, ...]:
    """Return the size of each of the relations, `schema.name`, that the tenant has. Reads only."""
    with connection.transaction():
        # The tenant's own path could lead to operators of somebody else's.
        connection.execute("SET LOCAL search_path = ''")
        rows = connection.execute(read_sql("lint", "sizes"), [list(relations)]).fetchall()
    return tuple(TableSize(relation, tenant, total, tuples) for relation, total, tuples in rows)


def pick_largest(sizes: Iterable[TableSize]) -> dict[str, TableSize]:
    """Return the largest of each relation, the first one if several are as large."""
    largest: dict[str, TableSize] = {}
    for size in sizes:
        if size.relation not in largest or size.bytes > largest[size.relation].bytes:
            largest[size.relation] = size
    return largest


def describe_size(size: TableSize) -> str:
    """Return how large a table is and where: `sessions: 41 GB on tenant 7`; a size below 0 is unknown."""
    where = "the master" if size.tenant == MASTER else f"tenant {size.tenant}"
    total = "size unknown" if size.bytes < 0 else format_bytes(size.bytes)
    return f"{size.relation.removeprefix('public.')}: {total} on {where}"


def format_bytes(size: int) -> str:
    """Return a size as PostgreSQL's `pg_size_pretty` writes it: `41 GB`."""
    if size < _MOST:
        return f"{size} bytes"
    # In half units, so that a half is rounded up and no number is rounded twice.
    halves = size >> 9
    for unit in _UNITS:
        if halves < 2 * _MOST - 1 or unit == _UNITS[-1]:
            return f"{(halves + 1) // 2} {unit}"
        halves >>= 10
    raise AssertionError("unreachable: the last unit takes every size")
