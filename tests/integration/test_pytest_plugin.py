"""The plugin in the tests of an application: pytest runs them as the application's own."""

from pathlib import Path

import pytest

from tests.builders import write_files

TENANTS_YAML = """\
servers: {main: "host=db.example.org"}
tenants: {migrations: migrations, server: main, database: 'app_{id}', list: [1]}
"""
ROOMS = {"0001_rooms.sql": "CREATE TABLE rooms (id integer PRIMARY KEY, name text NOT NULL);\n"}
TESTS = """\
import psycopg
import pytest
import tenantry


@pytest.mark.parametrize("turn", [1, 2])
def test_a_database_of_its_own(tenant_database, turn):
    tenantry.assert_migrated(tenant_database.conninfo, "migrations")
    for address in (tenant_database.conninfo, tenant_database.url):
        with psycopg.connect(address) as connection:
            assert connection.info.dbname == tenant_database.name
            connection.execute("INSERT INTO rooms SELECT coalesce(max(id), 0) + 1, 'attic' FROM rooms")
            # What the other test wrote is not here.
            assert connection.execute("SELECT count(*) FROM rooms").fetchone() in [(1,), (2,)]


def test_one_that_is_still_open(tenant_database):
    psycopg.connect(tenant_database.conninfo).close()
"""


@pytest.fixture
def application(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, server_dsn: str) -> Path:
    """Return the folder of an application with one migration, whose tests use the server of ours."""
    monkeypatch.setenv("TENANTRY_TEST_SERVER", server_dsn)
    pytester.makeini("[pytest]")
    write_files(pytester.path, {"tenants.yaml": TENANTS_YAML})
    write_files(pytester.path / "migrations", ROOMS)
    return pytester.path


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-p", "no:randomly", "-p", "no:cacheprovider", "-W", "error", *options)


def test_each_test_has_a_database_of_its_own(application: Path, pytester: pytest.Pytester) -> None:
    """A database has every migration and nothing of another test; none is left, also where one stayed connected."""
    pytester.makepyfile(TESTS)
    run(pytester).assert_outcomes(passed=3)
    # Again, with what the first run kept, and in two processes at once.
    run(pytester, "-n", "2").assert_outcomes(passed=3)


def test_an_edited_draft_is_applied_from_the_start(application: Path, pytester: pytest.Pytester) -> None:
    """A file that was edited after it ran does not stop the tests: nobody's data is in the template."""
    pytester.makepyfile("def test(tenant_database): pass")
    run(pytester).assert_outcomes(passed=1)
    write_files(application / "migrations", {"0001_rooms.sql": "CREATE TABLE rooms (id bigint);\n"})
    run(pytester).assert_outcomes(passed=1)


def test_files_that_fail_are_shown_once_and_no_test_runs(application: Path, pytester: pytest.Pytester) -> None:
    """The file and the server's words are the whole message, without a traceback."""
    write_files(application / "migrations", {"0002_desks.sql": "CREATE TABLE rooms ();\n"})
    pytester.makepyfile("def test(tenant_database): pass")
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(['*tenantry: *migrations/0002_desks.sql: relation "rooms" already exists'])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_settings_are_checked(application: Path, pytester: pytest.Pytester) -> None:
    """A set that does not exist, and a project that does not, are named."""
    pytester.makepyfile("def test(tenant_database): pass")
    for setting, said in (
        ("tenantry_set=all", "*tenantry_set: 'all', expected tenant or master"),
        ("tenantry_config=none.yaml", "*tenantry: *none.yaml: not found, expected a file*"),
    ):
        result = run(pytester, "-o", setting)
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines([said])


@pytest.mark.slow
def test_without_a_server_one_is_started_and_stopped(
    application: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server of the project's own tests is gone with the last process that used it."""
    monkeypatch.delenv("TENANTRY_TEST_SERVER")
    pytester.makepyfile(TESTS)
    run(pytester, "-n", "2").assert_outcomes(passed=3)
    assert not list((application / ".tenantry" / "pytest").rglob("postmaster.pid"))


def test_a_test_run_without_the_fixture_pays_for_nothing(pytester: pytest.Pytester) -> None:
    """Where the fixture is not asked for, neither the driver nor the parser is imported."""
    pytester.makeini("[pytest]")
    pytester.makepyfile("import sys\ndef test(): assert not {'psycopg', 'postgast', 'yaml'} & set(sys.modules)")
    run(pytester, "-p", "no:xdist").assert_outcomes(passed=1)
