"""Planted differences: each is seen in the snapshot and in the fingerprint, and named."""

import pytest

from tenantry.postgres.sessions import Connection
from tests.fix_postgres import other_major
from tests.integration.fix_catalog import Planted, find, fresh_database, planted
from tests.integration.schema.differences import others, parts, rare, tables

CHAPTERS = {"tables": tables.CASES, "parts": parts.CASES, "others": others.CASES, "rare": rare.CASES}
CASES = {name: case for chapter in CHAPTERS.values() for name, case in chapter.items()}


@pytest.mark.parametrize("case", CASES.values(), ids=[name.replace(" ", "-") for name in CASES])
def test_difference(opened: Connection, case: Planted) -> None:
    """A planted difference is in the snapshot and in the fingerprint, is named, and nothing else is."""
    assert find(opened, case) == case.lines


@other_major
@pytest.mark.parametrize("server", ["server18_dsn", "system_dsn"])
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_other_servers(request: pytest.FixtureRequest, server: str, chapter: str) -> None:
    """Every difference is found and named on other major versions in the same words."""
    with fresh_database(request.getfixturevalue(server)) as connection:
        for name, case in CHAPTERS[chapter].items():
            assert find(connection, case) == case.lines, name


ONLY_18 = {
    "constraint not enforced": planted(
        "CREATE TABLE a (b integer CONSTRAINT positive CHECK (b > 0))",
        "ALTER TABLE a DROP CONSTRAINT positive, ADD CONSTRAINT positive CHECK (b > 0) NOT ENFORCED",
        "constraint a.positive: NOT ENFORCED",
    ),
    "not null not validated": planted(
        "CREATE TABLE a (b integer NOT NULL)",
        "ALTER TABLE a ALTER b DROP NOT NULL, ADD CONSTRAINT b_given NOT NULL b NOT VALID",
        "a.b: not null validated no, expected yes",
    ),
    "not null not inherited": planted(
        "CREATE TABLE a (b integer NOT NULL)",
        "ALTER TABLE a ALTER b DROP NOT NULL, ADD CONSTRAINT b_given NOT NULL b NO INHERIT",
        "a.b: not null inherited no, expected yes",
    ),
    "virtual column": planted(
        "CREATE TABLE a (b integer, c integer GENERATED ALWAYS AS (b * 2) STORED)",
        "ALTER TABLE a DROP c; ALTER TABLE a ADD c integer GENERATED ALWAYS AS (b * 2) VIRTUAL",
        "a.c: generated ((b * 2)) VIRTUAL, expected ((b * 2)) STORED",
    ),
}


@other_major
def test_only_18(server18_dsn: str) -> None:
    """What only PostgreSQL 18 knows is found there."""
    with fresh_database(server18_dsn) as connection:
        for name, case in ONLY_18.items():
            assert find(connection, case) == case.lines, name
