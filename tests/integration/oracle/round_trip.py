"""One schema made into another by a draft, held against pg_dump: the faults that are found on the way."""

import contextlib
import difflib
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tenantry.model.scope import Scope
from tenantry.schema.catalog.read import read_snapshot
from tenantry.schema.ddl.draft import Draft, Risk
from tenantry.schema.ddl.write import write_ddl
from tenantry.schema.snapshot import Snapshot
from tests.integration.oracle.dumps import read_dump

# The server may check bodies of functions and have nothing to say; setval is about rows, which a schema is without; and
# a shell type is created by the function that returns it as well, with a notice.
_NEEDED = re.compile(r"SET check_function_bodies = off|SELECT setval\(|CREATE TYPE (?:\"[^\"]+\"|[^ \"])+$")


class Kind(StrEnum):
    """The kinds of faults."""

    UNLIKE_PG_DUMP = "fingerprints and pg_dump disagree"
    NEEDS_A_COMMENT = "an uncommented statement needs a commented one"
    FAILS = "a statement fails"
    NOT_WRITTEN = "named as not written"
    LEFT = "a difference is left"
    LEFT_IN_DUMP = "a difference is left that only pg_dump tells"
    SUPERFLUOUS = "a statement is superfluous"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, with what a person needs to see it."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Side:
    """A database and what is read of it."""

    name: str
    snapshot: Snapshot
    dump: list[str] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Oracle:
    """A server, and the programs of its major."""

    dsn: str
    programs: Path

    @contextlib.contextmanager
    def lend(self, template: str = "template0") -> Iterator[str]:
        """Lend a new database with what its template has."""
        name = f"oracle_{secrets.token_hex(5)}"
        self._run("CREATE DATABASE {} TEMPLATE {}", name, template)
        try:
            yield name
        finally:
            self._run("DROP DATABASE {} WITH (FORCE)", name)

    def connect(self, name: str) -> psycopg.Connection[tuple[object, ...]]:
        """Connect to a database."""
        return psycopg.connect(self.dsn, dbname=name, autocommit=True, prepare_threshold=None)

    def read(self, name: str) -> Side:
        """Return what both readers tell of a database."""
        with self.connect(name) as connection:
            snapshot = read_snapshot(connection, Scope())
        # Without the parameters that an older pg_dump does not know.
        given = conninfo_to_dict(self.dsn)
        where = {word: given[word] for word in ("user", "host", "port") if word in given}
        return Side(name, snapshot, read_dump(self.programs, make_conninfo("", dbname=name, **where)))

    def read_major(self) -> int:
        """Return the major version of the server."""
        with self.connect("postgres") as connection:
            return connection.info.server_version // 10_000

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.dsn, dbname="postgres", autocommit=True) as server:
            server.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def compare_sides(one: Side, other: Side) -> Iterator[Fault]:
    """Yield a fault if the fingerprints are equal and the dumps are not, or the other way round."""
    equal = _list_told(one.snapshot) == _list_told(other.snapshot)
    assert (one.snapshot.objects == other.snapshot.objects) is (one.snapshot.fingerprint == other.snapshot.fingerprint)
    if one.dump is not None and other.dump is not None and equal is not (one.dump == other.dump):
        told = _diff(one.dump, other.dump) or list_differences(one.snapshot, other.snapshot)
        yield Fault(Kind.UNLIKE_PG_DUMP, f"fingerprints {'equal' if equal else 'differ'}\n{told}")


def _list_told(snapshot: Snapshot) -> object:
    """Return the objects without what pg_dump never tells: facts of a moment, and what is in pg_catalog."""
    objects = snapshot.objects.items()
    told = {key: found for key, found in objects if not (key[0] in {"function", "procedure"} and "." not in key[1])}
    return {
        key: {name: value for name, value in found.facts.items() if name not in {"populated", "maintained"}}
        for key, found in told.items()
    }


def try_draft(oracle: Oracle, found: Side, wanted: Side, *, sample: int = 0) -> Iterator[Fault]:
    """Yield the faults of the draft that turns the database of one side into the other; it is changed for good.

    Of the statements, `sample` are left out in turn, to find the superfluous ones.
    """
    drafts = write_ddl(wanted.snapshot, found.snapshot, major=oracle.read_major())
    text = "\n".join(f"{draft.kind}: {draft.sql or f'NOT WRITTEN {draft.note}'}" for draft in drafts)
    yield from (Fault(Kind.NOT_WRITTEN, draft.note) for draft in drafts if not draft.sql)
    written = [draft for draft in drafts if draft.sql]
    with oracle.lend(found.name) as name, oracle.connect(name) as connection:
        if failed := _run([draft for draft in written if draft.kind is Risk.ADDITIVE], connection):
            yield Fault(Kind.NEEDS_A_COMMENT, f"{failed}\n---\n{text}")
    for index in _choose(len(written), sample):
        if _is_superfluous(oracle, found, wanted, written, index):
            yield Fault(Kind.SUPERFLUOUS, f"{written[index].sql}\n---\n{text}")
    with oracle.connect(found.name) as connection:
        failed = _run(written, connection)
    if failed:
        yield Fault(Kind.FAILS, f"{failed}\n---\n{text}")
    elif len(written) == len(drafts):
        yield from (Fault(fault.kind, f"{fault.text}\n---\n{text}") for fault in _compare_end(oracle, found, wanted))


def _compare_end(oracle: Oracle, found: Side, wanted: Side) -> Iterator[Fault]:
    end = oracle.read(found.name)
    if left := list_differences(wanted.snapshot, end.snapshot):
        yield Fault(Kind.LEFT, left)
    elif (
        end.dump is not None
        and wanted.dump is not None
        and end.dump != wanted.dump
        and wanted.snapshot.fingerprint != found.snapshot.fingerprint
    ):
        yield Fault(Kind.LEFT_IN_DUMP, _diff(wanted.dump, end.dump))


def _choose(count: int, sample: int) -> Sequence[int]:
    step = max(1, count // sample) if sample else 1
    return range(0, count, step)[:sample]


def _is_superfluous(oracle: Oracle, found: Side, wanted: Side, drafts: list[Draft], index: int) -> bool:
    """Return whether the others turn one side into the other."""
    if _NEEDED.match(drafts[index].sql) or _is_of_partition(drafts[index].sql, wanted):
        return False
    if drafts[index].sql.startswith("DROP ") and any(one.sql.endswith(" CASCADE") for one in drafts):
        # What CASCADE would take along without a word is dropped by its name.
        return False
    with oracle.lend(found.name) as name, oracle.connect(name) as connection:
        failed = _run([*drafts[:index], *drafts[index + 1 :]], connection)
        connection.execute("RESET ALL")
        return not failed and not list_differences(wanted.snapshot, read_snapshot(connection, Scope()))


def _is_of_partition(statement: str, wanted: Side) -> bool:
    """Return whether a statement creates an index of a partition, which the server would create under its own name."""
    indexes = (one for one in wanted.snapshot.objects.values() if one.kind == "index" and "partition of" in one.facts)
    return statement.startswith(("CREATE", "ALTER TABLE")) and any(
        f" {one.name.partition('.')[2]} " in statement for one in indexes
    )


def _run(drafts: Sequence[Draft], connection: psycopg.Connection[tuple[object, ...]]) -> str:
    """Run statements, each of them apart; return the first that fails with its error, or nothing."""
    for draft in drafts:
        try:
            connection.execute(draft.sql.encode())
        except psycopg.Error as error:
            return f"{draft.sql}\n    {error}"
    return ""


def list_differences(wanted: Snapshot, found: Snapshot) -> str:
    """Return the objects that differ."""
    keys = sorted({*wanted.objects, *found.objects})
    pairs = ((key, wanted.objects.get(key), found.objects.get(key)) for key in keys)
    return "\n".join(f"{key}\n  wanted {one}\n  found  {other}" for key, one, other in pairs if one != other)


def _diff(wanted: list[str], found: list[str]) -> str:
    return "\n".join(difflib.unified_diff(wanted, found, "wanted", "found", lineterm="", n=0))
