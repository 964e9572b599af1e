"""Files that are replayed many in one message: the schema and the answers are those of one file after the other."""

from pathlib import Path

import pytest

from tenantry.model import Migration
from tenantry.model.errors import Refused
from tenantry.model.migrations import Assertion, Directives
from tenantry.scratch import joined
from tests.integration.fix_site import make_migration
from tests.integration.scratch.test_expected import Expected

ROOMS = "CREATE TABLE rooms (id int PRIMARY KEY, name text);\n"
# Histories that would be another one, or fail, in one transaction or without the end of each file.
HISTORIES: dict[str, tuple[str, ...]] = {
    "a value of an enum": (
        "CREATE TYPE kind AS ENUM ('a');",
        "ALTER TYPE kind ADD VALUE 'b';",
        "CREATE TABLE desks (kind kind DEFAULT 'b');",
    ),
    "a deferred check": (
        ROOMS,
        "CREATE TABLE desks (room int REFERENCES rooms DEFERRABLE INITIALLY DEFERRED);",
        "INSERT INTO desks VALUES (1); INSERT INTO rooms VALUES (1)",
        "ALTER TABLE desks ADD number int",
    ),
    "a setting": (
        "CREATE SCHEMA app; SET search_path = app;",
        ROOMS,
        "SET ROLE pg_read_all_data",
        "CREATE TABLE desks ()",
    ),
    "a temporary table": ("CREATE TEMPORARY TABLE rooms (id int)", "CREATE TABLE rooms (id int)"),
    "a comment at the end": (ROOMS + "-- COMMIT", "CREATE TABLE desks (id int) /* ; */"),
    "an answer": (ROOMS, "SELECT 'tenantry'", "SELECT", "CREATE TABLE desks (id int)"),
    "the time": ("CREATE TABLE times AS SELECT now() AS at;", "INSERT INTO times VALUES (now())"),
    "the ledger": (ROOMS, "CREATE TABLE desks (id int)", "GRANT SELECT ON public._migrations TO PUBLIC"),
}


@pytest.fixture
def expected(tmp_path: Path, server_dsn: str) -> Expected:
    """Return expected schemas that are replayed on the server of the run."""
    return Expected(tmp_path / "together", server_dsn, server_dsn)


def make_files(*texts: str) -> tuple[Migration, ...]:
    """Return a file for each of the texts."""
    return tuple(make_migration(number, "file", text) for number, text in enumerate(texts, start=1))


@pytest.mark.parametrize("texts", HISTORIES.values(), ids=HISTORIES)
def test_same_schema(expected: Expected, tmp_path: Path, server_dsn: str, texts: tuple[str, ...]) -> None:
    """Each file has a transaction and a session of its own."""
    files = make_files(*texts)
    alone = Expected(tmp_path / "alone", server_dsn, server_dsn)
    assert expected.after(*files) == alone.after_each(*files)[-1]


def test_in_one_message(expected: Expected, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain files are sent together, up to a file that is not, or that somebody wants the schema after."""
    files = [*make_files(*(f"CREATE TABLE t_{number} (id int);" for number in range(9)))]
    files[4] = make_migration(5, "alone", "CREATE TABLE alone (id int);", transactional=False)
    sizes = []

    def run(connection: object, part: list[Migration]) -> int:
        sizes.append(len(part))
        return 0

    monkeypatch.setattr("tenantry.scratch.run.run_joined", run)
    assert expected.after(*files).fingerprint
    assert sizes == [4, 4]


@pytest.mark.parametrize("bad", ["SELECT nothing;", "SELECT 'open;\n", "/* open\n", "DO $$ open"])
def test_failing(expected: Expected, bad: str) -> None:
    """A file that fails is named with its place, wherever it is, and what it leaves open reaches no other."""
    files = make_files(
        ROOMS, "CREATE TABLE desks (id int);", bad, "SELECT ' --*/ $$';\n", "CREATE TABLE lamps (id int);"
    )
    with pytest.raises(Refused, match=r"the files do not apply to an empty database: migrations/0003_file.sql:1:"):
        expected.after(*files)


def test_divide() -> None:
    """Files are joined with plain neighbours alone, and never beyond an end."""
    asks = Directives(require=(Assertion("SELECT true", 0),))
    plain = make_files("SELECT 1", "SELECT 2", "SELECT 3", "SELECT 4")
    asking = Migration(5, "asks", "asks.sql", "", "SELECT 5", "SELECT 5", directives=asks)

    def show(*ends: int) -> list[tuple[bool, list[int]]]:
        parts = joined.divide((*plain, asking, *plain), ends)
        return [(together, [file.version for file in part]) for together, part in parts]

    assert show() == [(True, [1, 2, 3, 4]), (False, [5]), (True, [1, 2, 3, 4])]
    assert show(1, 3) == [(False, [1]), (True, [2, 3]), (False, [4, 5]), (True, [1, 2, 3, 4])]
    assert show(*range(9)) == [(False, [1, 2, 3, 4, 5, 1, 2, 3, 4])]
