"""Drafts of DDL on a real PostgreSQL: what they write makes one schema into another, exactly."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenantry.model.scope import Scope
from tenantry.postgres.sessions import Connection, find_major
from tenantry.schema.catalog.read import read_snapshot
from tenantry.schema.ddl.draft import Draft, Risk
from tenantry.schema.ddl.write import write_ddl
from tenantry.schema.snapshot import Snapshot
from tests.fix_postgres import MakeDatabase, other_major
from tests.integration.fix_catalog import read, undone
from tests.places import DATA, ROOT

_DATA = DATA
_TENANT = ROOT / "migrations" / "tenant"
_SCOPE = Scope()


class Pair(NamedTuple):
    """What is in both databases, what is in the one, and what is in the other."""

    both: str
    before: str
    after: str


def _read_pairs(file: str) -> dict[str, Pair]:
    text = (_DATA / "ddl" / file).read_text()
    pairs = {}
    for part in text.split("-- pair: ")[1:]:
        name, _, rest = part.partition("\n")
        sections = re.split(r"^-- (both|before|after)$", rest, flags=re.MULTILINE)
        by_name = dict(zip(sections[1::2], sections[2::2], strict=True))
        pairs[name] = Pair(by_name.get("both", ""), by_name["before"], by_name["after"])
    return pairs


_PAIRS = _read_pairs("pairs.sql")
_PAIRS_18 = _read_pairs("pairs_18.sql")


@pytest.fixture
def connect(database: MakeDatabase) -> Iterator[Connection]:
    """Yield a connection to an empty database."""
    with psycopg.connect(database("ddl"), autocommit=True) as connection:
        yield connection


def _wipe(connection: Connection) -> None:
    """Empty a database of what a generated schema may have made."""
    connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC")


def _apply(connection: Connection, drafts: tuple[Draft, ...]) -> None:
    for draft in drafts:
        if draft.sql:
            try:
                connection.execute(draft.sql)
            except psycopg.Error as error:
                raise AssertionError(
                    "\n".join(f"{d.kind}: {d.sql}" for d in drafts) + f"\n{error}\n{draft.sql}"
                ) from None


def _differences(expected: Snapshot, found: Snapshot) -> list[object]:
    keys = sorted({*expected.objects, *found.objects})
    pairs = ((key, expected.objects.get(key), found.objects.get(key)) for key in keys)
    return [pair for pair in pairs if pair[1] != pair[2]]


@pytest.mark.parametrize("name", _PAIRS)
def test_a_draft_makes_one_schema_into_the_other(database: MakeDatabase, opened: Connection, name: str) -> None:
    """Running all of a draft, the destructive statements too, leaves no difference, and the next draft is empty."""
    pair = _PAIRS[name]
    _check_pair(database, pair, read(opened, pair.both + pair.after))


@pytest.mark.parametrize("name", _PAIRS)
def test_what_is_no_comment_runs_without_what_is_one(opened: Connection, name: str) -> None:
    """The additive statements alone all run: none needs a destructive or ambiguous one before it."""
    pair = _PAIRS[name]
    wanted = read(opened, pair.both + pair.after)
    with undone(opened, pair.both + pair.before) as found:
        drafts = write_ddl(wanted, read_snapshot(found, _SCOPE), origin=find_major(found))
        _apply(found, tuple(draft for draft in drafts if draft.kind is Risk.ADDITIVE))


@other_major
@pytest.mark.parametrize("name", _PAIRS_18)
def test_a_draft_writes_what_only_18_has(database18: MakeDatabase, name: str) -> None:
    """Virtual columns, constraints that are not enforced and NOT NULL that is not validated become as expected."""
    pair = _PAIRS_18[name]
    with psycopg.connect(database18("ddl"), autocommit=True) as expected:
        _check_pair(database18, pair, read(expected, pair.both + pair.after))


def _check_pair(database: MakeDatabase, pair: Pair, wanted: Snapshot) -> None:
    with psycopg.connect(database("ddl"), autocommit=True) as found:
        found.execute(pair.both + pair.before)
        present = read_snapshot(found, _SCOPE)
        drafts = write_ddl(wanted, present, origin=find_major(found))
        assert present != wanted
        assert [draft.note for draft in drafts if not draft.sql] == []
        _apply(found, drafts)
        assert _differences(wanted, read_snapshot(found, _SCOPE)) == [], "\n".join(draft.sql for draft in drafts)


def test_a_draft_makes_one_of_everything(any_database: MakeDatabase) -> None:
    """On each server, from an empty database to one with an object of every kind, and back to an empty one."""
    with (
        psycopg.connect(any_database("ddl"), autocommit=True) as found,
        psycopg.connect(any_database("ddl"), autocommit=True) as expected,
    ):
        empty = read_snapshot(found, _SCOPE)
        expected.execute((_DATA / "catalog" / "rich.sql").read_text())
        wanted = read_snapshot(expected, _SCOPE)
        _apply(found, write_ddl(wanted, empty, origin=find_major(found)))
        assert _differences(wanted, read_snapshot(found, _SCOPE)) == []
        _apply(found, write_ddl(empty, wanted, origin=find_major(found)))
        assert _differences(empty, read_snapshot(found, _SCOPE)) == []


def test_a_draft_makes_what_the_tenant_files_make(database: MakeDatabase) -> None:
    """From an empty database to the head in one draft ends where the files end."""
    with (
        psycopg.connect(database("ddl"), autocommit=True) as found,
        psycopg.connect(database("ddl"), autocommit=True) as expected,
    ):
        for file in sorted(_TENANT.glob("[0-9]*.sql")):
            expected.execute(file.read_text())
        wanted = read_snapshot(expected, _SCOPE)
        drafts = write_ddl(wanted, read_snapshot(found, _SCOPE), origin=find_major(found))
        _apply(found, drafts)
        assert _differences(wanted, read_snapshot(found, _SCOPE)) == []
        assert {draft.kind for draft in drafts} == {Risk.ADDITIVE}


_TYPES = {
    "integer": "7",
    "bigint": "8",
    "text": "'x'",
    "varchar(12)": "'y'",
    "numeric(8,2)": "1.5",
    "boolean": "true",
    "timestamptz": "now()",
    "jsonb": "'{}'",
    "date": "'2020-01-02'",
}
_COLUMNS = ("a", "b", "c", '"D d"')


@st.composite
def _schemas(draw: st.DrawFn) -> str:
    """Return statements that make one to three tables with what belongs to them."""
    statements = []
    tables = draw(st.lists(st.sampled_from(["t", "u", '"V v"']), min_size=1, max_size=3, unique=True))
    for table in tables:
        columns = draw(st.lists(st.sampled_from(_COLUMNS), min_size=1, max_size=4, unique=True))
        statements.append(draw(_tables(table, columns)))
        statements += draw(_parts(table, columns))
    if len(tables) > 1 and draw(st.booleans()):
        statements.append(f"ALTER TABLE public.{tables[0]} ADD r integer REFERENCES public.{tables[1]} (id)")
    return ";\n".join(statements)


@st.composite
def _tables(draw: st.DrawFn, table: str, columns: list[str]) -> str:
    parts = [draw(st.sampled_from(["id serial PRIMARY KEY", "id integer GENERATED ALWAYS AS IDENTITY UNIQUE"]))]
    for column in columns:
        kind = draw(st.sampled_from(sorted(_TYPES)))
        default = f" DEFAULT {_TYPES[kind]}" if draw(st.booleans()) else ""
        parts.append(f"{column} {kind}{default}{draw(st.sampled_from(['', ' NOT NULL']))}")
    return f"CREATE TABLE public.{table} ({', '.join(parts)})"


@st.composite
def _parts(draw: st.DrawFn, table: str, columns: list[str]) -> list[str]:
    column = draw(st.sampled_from(columns))
    word = table.strip('"').replace(" ", "_")
    possible = [
        f"CREATE INDEX i_{word} ON public.{table} ({column.replace('jsonb', 'id')})",
        f"CREATE UNIQUE INDEX j_{word} ON public.{table} (id, {column} DESC) WHERE {column} IS NOT NULL",
        f"ALTER TABLE public.{table} ADD CONSTRAINT c_{word} CHECK ({column} IS NOT NULL)",
        f"ALTER TABLE public.{table} ADD CONSTRAINT k_{word} UNIQUE (id, {column})",
        f"CREATE VIEW public.v_{word} AS SELECT id, {column} FROM public.{table}",
        f"COMMENT ON COLUMN public.{table}.{column} IS 'of {word}'",
    ]
    return draw(st.lists(st.sampled_from(possible), max_size=4, unique=True))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=_schemas(), after=_schemas())
def test_a_draft_leaves_no_difference_between_any_two_schemas(connect: Connection, before: str, after: str) -> None:
    """After a draft is run whole, reading the schema again gives what was expected."""
    _wipe(connect)
    connect.execute(after)
    wanted = read_snapshot(connect, _SCOPE)
    _wipe(connect)
    connect.execute(before)
    drafts = write_ddl(wanted, read_snapshot(connect, _SCOPE))
    _apply(connect, drafts)
    found = read_snapshot(connect, _SCOPE)
    assert _differences(wanted, found) == []
    assert write_ddl(wanted, found) == ()
