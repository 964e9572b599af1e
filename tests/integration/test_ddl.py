"""Drafts of DDL on a real PostgreSQL: what they write makes one schema into another, exactly."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.catalog import read_snapshot
from runner.ddl import Draft, write_ddl
from runner.session import Connection
from runner.snapshot import Scope, Snapshot
from tests.fix_postgres import MakeDatabase

_DATA = Path(__file__).parents[1] / "data"
_TENANT = Path(__file__).parents[2] / "migrations" / "tenant"
_SCOPE = Scope()


class Pair(NamedTuple):
    """What is in both databases, what is in the one, and what is in the other."""

    both: str
    before: str
    after: str


def _read_pairs() -> dict[str, Pair]:
    text = (_DATA / "ddl" / "pairs.sql").read_text()
    pairs = {}
    for part in text.split("-- pair: ")[1:]:
        name, _, rest = part.partition("\n")
        sections = re.split(r"^-- (both|before|after)$", rest, flags=re.MULTILINE)
        by_name = dict(zip(sections[1::2], sections[2::2], strict=True))
        pairs[name] = Pair(by_name.get("both", ""), by_name["before"], by_name["after"])
    return pairs


_PAIRS = _read_pairs()


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
                raise AssertionError("\n".join(f"{d.kind}: {d.sql}" for d in drafts) + f"\n{error}\n{draft.sql}") from None


def _differences(expected: Snapshot, found: Snapshot) -> list[object]:
    keys = sorted({*expected.objects, *found.objects})
    pairs = ((key, expected.objects.get(key), found.objects.get(key)) for key in keys)
    return [pair for pair in pairs if pair[1] != pair[2]]


@pytest.mark.parametrize("name", _PAIRS)
def test_a_draft_makes_one_schema_into_the_other(database: MakeDatabase, name: str) -> None:
    """Running all of a draft, the destructive statements too, leaves no difference, and the next draft is empty."""
    pair = _PAIRS[name]
    with (
        psycopg.connect(database("ddl"), autocommit=True) as found,
        psycopg.connect(database("ddl"), autocommit=True) as expected,
    ):
        found.execute(pair.both + pair.before)
        expected.execute(pair.both + pair.after)
        wanted = read_snapshot(expected, _SCOPE)
        present = read_snapshot(found, _SCOPE)
        drafts = write_ddl(wanted, present)
        _apply(found, drafts)
        assert _differences(wanted, read_snapshot(found, _SCOPE)) == [], "\n".join(draft.sql for draft in drafts)
        assert present != wanted
