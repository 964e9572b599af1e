"""The query that names the tenants: it runs on the master, reads alone, and not for ever."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tenantry.fleet import roster
from tenantry.model.errors import InputError
from tenantry.project import Choice, Project, open_project
from tests.fix_postgres import MakeDatabase

OpenProject = Callable[[str], Project]
AT = "tenants.yaml:6:10: the query for the tenants"
ONLY_READS = "write one SELECT that only reads"


@pytest.fixture
def master(database: MakeDatabase) -> str:
    """Return the connection string of a master with a table of tenants."""
    dsn = database()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (id int, database text); INSERT INTO t VALUES (1, 'a'), (16, 'b')")
        connection.execute(
            "CREATE FUNCTION forget() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM t; RETURN 1; END $$"
        )
    return dsn


@pytest.fixture
def open_with(master: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenProject:
    """Return a callable that opens a project whose tenants come from a query."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "0001_rooms.sql").write_text("CREATE TABLE rooms ();\n", "utf-8")
    given = conninfo_to_dict(master)
    name = given.pop("dbname")

    def open_it(query: str) -> Project:
        text = (
            "servers: {main: host=/nowhere}\n"
            f"master: {{server: main, database: {name}, migrations: migrations}}\n"
            f'tenants:\n  migrations: migrations\n  server: main\n  query: "{query}"\n'
        )
        Path("tenants.yaml").write_text(text, "utf-8")
        choice = Choice(Path("tenants.yaml"), {}, servers={"main": make_conninfo("", **given)})
        return open_project(choice, "run", "tester@here")

    return open_it


def count(master: str) -> int:
    """Return how many tenants the table has."""
    with psycopg.connect(master) as connection:
        (number,) = connection.execute("SELECT count(*) FROM t").fetchone() or (0,)
    return int(number)


@pytest.mark.parametrize("end", ["", ";", "; -- the oldest first"])
def test_rows(open_with: OpenProject, end: str) -> None:
    """Each row is a tenant."""
    found = open_with(f"SELECT id, database FROM t ORDER BY id{end}")
    assert [(tenant.name, tenant.database) for tenant in found.known] == [("1", "a"), ("16", "b")]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("DELETE FROM t RETURNING id", "writes: cannot execute DELETE in a read-only transaction (25006)"),
        (
            "WITH gone AS (DELETE FROM t RETURNING id) SELECT id FROM gone",
            "writes: cannot execute SELECT in a read-only transaction (25006)",
        ),
        ("SELECT forget() AS id", "writes: cannot execute DELETE in a read-only transaction (25006)"),
        ("COMMIT; DELETE FROM t RETURNING id", "has 2 statements, expected one"),
        ("-- none", "has 0 statements, expected one"),
        ("SET search_path = public", "returns no columns, expected a query"),
    ],
)
def test_only_reads(open_with: OpenProject, master: str, query: str, said: str) -> None:
    """A query that would change anything is refused by its place, and changes nothing."""
    with pytest.raises(InputError) as caught:
        open_with(query)
    assert [(problem.message, problem.hint) for problem in caught.value.problems] == [(f"{AT} {said}", ONLY_READS)]
    assert count(master) == 2


def test_unterminated(open_with: OpenProject) -> None:
    """A query that cannot be told into statements is refused as well."""
    with pytest.raises(InputError) as caught:
        open_with("SELECT 'a")
    assert str(caught.value).startswith(f"{AT} is malformed: ")


def test_time_limit(open_with: OpenProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """A query that takes too long is ended by the server."""
    monkeypatch.setattr(roster, "READ_ONLY", roster.READ_ONLY.replace("'30s'", "'50ms'"))
    with pytest.raises(InputError) as caught:
        open_with("SELECT pg_sleep(60) AS id")
    assert str(caught.value) == f"{AT} failed: canceling statement due to statement timeout (57014)"


def test_waits_for_no_lock(open_with: OpenProject, master: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that another session holds is not waited for without end."""
    monkeypatch.setattr(roster, "READ_ONLY", roster.READ_ONLY.replace("'5s'", "'50ms'"))
    with psycopg.connect(master) as holder:
        holder.execute("LOCK TABLE t")
        with pytest.raises(InputError) as caught:
            open_with("SELECT id FROM t")
    assert str(caught.value) == f"{AT} failed: canceling statement due to lock timeout"
