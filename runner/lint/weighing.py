"""Which dangers count in one tenant: one that takes as long as its table is large does no harm to a small table."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from tenantry.lint.names import trace
from tenantry.lint.sizes import describe_size
from tenantry.model import NO_VERSION, AppliedMigration, Migration, Origin, RowState
from tenantry.model.effects import Measured
from tenantry.model.hazards import Harm, Hazard
from tenantry.model.records import LEDGER_TABLES
from tenantry.model.results import TableSize
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection
from tenantry.postgres.transaction import in_transaction

UNKNOWN = -1
# Arbitrary: the largest tables tell enough.
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Weighed:
    """A danger that counts in a tenant, and the sizes of the tables for which it does, the largest first."""

    hazard: Hazard
    sizes: tuple[TableSize, ...] = ()


class Weights(NamedTuple):
    """The sizes of tables of one tenant, by name, without their indexes; and of all its tables, if they were asked for.

    A size is `UNKNOWN` where nobody can tell, as of a foreign table.
    """

    named: Mapping[str, TableSize]
    every: tuple[TableSize, ...]


@dataclass(frozen=True, slots=True)
class Scale:
    """How dangers are weighed: `small_bytes` is the size from which a table is not small; with 0, every danger counts.

    `unfinished`: no run on this tenant was ever proven, so nobody works on its database yet.
    """

    small_bytes: int
    unfinished: bool = False

    def weigh(
        self,
        connection: Connection,
        tenant: str,
        ledger_schema: str,
        hazards: Sequence[Hazard],
        steps: Mapping[int, Sequence[Measured]],
    ) -> tuple[Weighed, ...]:
        """Return the dangers that count in a tenant. One query, if there is a size to ask for.

        `steps` are the measured effects of the files that are to run, by version, in order.
        """
        if not self.small_bytes or all(hazard.harm is Harm.ALWAYS for hazard in hazards):
            return tuple(map(Weighed, hazards))
        tables = [self._trace(hazard, steps) for hazard in hazards]
        names = sorted({name for of_one in tables if of_one for name in of_one})
        weights = read_weights(connection, tenant, ledger_schema, names, every=not all(map(bool, tables)))
        return tuple(self._count(tenant, zip(hazards, tables, strict=True), weights))

    def _trace(self, hazard: Hazard, steps: Mapping[int, Sequence[Measured]]) -> dict[str, bool]:
        """Return the tables of a danger as they are called in the tenant now, and whether an earlier step creates each.

        Empty if they may be any.
        """
        # Repeatables come after all steps.
        last = hazard.version == NO_VERSION
        earlier = [
            effect for version, effects in steps.items() if last or version < hazard.version for effect in effects
        ]
        return dict(trace(name, earlier) for name in hazard.weighed)

    def _count(
        self, tenant: str, hazards: Iterable[tuple[Hazard, Mapping[str, bool]]], weights: Weights
    ) -> Iterator[Weighed]:
        for hazard, tables in hazards:
            if hazard.harm is Harm.ALWAYS:
                yield Weighed(hazard)
                continue
            sizes = [_find(weights, tenant, *table) for table in tables.items()] if tables else weights.every
            if counting := [size for size in sizes if self._counts(hazard, size)]:
                yield Weighed(hazard, tuple(sorted(counting, key=_rank)[:_SHOWN]))

    def _counts(self, hazard: Hazard, size: TableSize) -> bool:
        if size.bytes == UNKNOWN:
            return True
        # A first install that stopped must be able to go on: its rows are those of its own files.
        filled = hazard.harm is Harm.FILLED and not (self.unfinished and not hazard.weighed)
        return size.bytes > 0 if filled else size.bytes >= self.small_bytes


def is_unfinished(rows: Collection[AppliedMigration]) -> bool:
    """Return whether nothing that was recorded of a tenant was ever proven: its first run has not come to its end."""
    return not any(row.proven or row.origin is not Origin.APPLIED or row.state is RowState.ROLLED_BACK for row in rows)


def describe(weighed: Weighed) -> Hazard:
    """Return a danger with the sizes in its message."""
    if not weighed.sizes:
        return weighed.hazard
    sizes = ", ".join(map(describe_size, weighed.sizes))
    return replace(weighed.hazard, message=f"{weighed.hazard.message}; {sizes}")


def join_weighed(found: Iterable[Iterable[Weighed]]) -> list[Weighed]:
    """Return the dangers of several tenants, each once, with the sizes of the tenant where they are largest."""
    joined: dict[Hazard, Weighed] = {}
    for one in (one for of_tenant in found for one in of_tenant):
        known = joined.setdefault(one.hazard, one)
        if list(map(_rank, one.sizes)) < list(map(_rank, known.sizes)):
            joined[one.hazard] = one
    return sorted(joined.values(), key=lambda one: (one.hazard.version, one.hazard.line, one.hazard.column))


def map_effects(
    files: Sequence[Migration], effects: Sequence[Sequence[Measured]], steps: Sequence[Migration]
) -> dict[int, Sequence[Measured]]:
    """Return the measured effects of the steps by version, in order; `effects` are those of each of the files."""
    versions = {step.version for step in steps}
    return {file.version: of_one for file, of_one in zip(files, effects, strict=True) if file.version in versions}


def read_weights(
    connection: Connection, tenant: str, ledger_schema: str, names: Sequence[str], *, every: bool
) -> Weights:
    """Return how large the tables are; names that the tenant does not have are left out. Reads catalogs alone."""
    with in_transaction(connection):
        connection.execute("BEGIN READ ONLY")
        path = connection.execute("SELECT pg_catalog.current_schemas(false)").fetchone()
        # The operators of the query must be the server's own.
        connection.execute("SET LOCAL search_path = ''")
        values = {
            "names": list(names),
            "path": path[0] if path else [],
            "every": every,
            "ledger": ledger_schema,
            "ledger_tables": list(LEDGER_TABLES),
        }
        rows = connection.execute(read_sql("lint", "weights"), values).fetchall()
    sizes = [(one_of_all, TableSize(name, tenant, total, tuples)) for one_of_all, name, total, tuples in rows]
    return Weights(
        {size.relation: size for one_of_all, size in sizes if not one_of_all},
        tuple(size for one_of_all, size in sizes if one_of_all),
    )


def _rank(size: TableSize) -> tuple[bool, int, str]:
    """Return the place of a size in order, the largest first; unknown comes before that, since it may be any."""
    return size.bytes != UNKNOWN, -size.bytes, size.relation


def _find(weights: Weights, tenant: str, name: str, created: bool) -> TableSize:
    """Return the size of a table; one that is not there yet is empty if a file that is to run creates it."""
    # A table of this name that already exists may be the one that is meant, whatever the files say.
    return weights.named.get(name) or TableSize(name, tenant, 0 if created else UNKNOWN, UNKNOWN)
