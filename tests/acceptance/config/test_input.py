"""Bad input: refused with exit code 2 and a message that names the place, before any database is touched."""

import pytest

from tests.acceptance.fix_command import FILES, NOWHERE, RATES, ROOMS, MakeFleet, read_report
from tests.places import TESTS

LIST = "tenants: {migrations: migrations/tenant, server: main, database: 'x_{id}', list: [1]}\n"
DATA = TESTS / "data" / "acceptance"

WRONG_FILES = {
    "0001-dash.sql": b"SELECT 1;\n",
    "0002_latin.sql": b"SELECT 1;\n-- caf\xe9\n",
    "0003_utf16.sql": "SELECT 1;\n".encode("utf-16"),
    "0004_nul.sql": b"SELECT 1;\nSELECT '\0';\n",
    "0005_empty.sql": b" \n",
    "0006_quote.sql": b"SELECT 'open;\n",
    "0007_commit.sql": b"CREATE TABLE a ();\nCOMMIT;\nCREATE TABLE b ();\n",
    "0008_copy.sql": b"COPY rooms FROM stdin;\n1\tA\n\\.\n",
    "0009_include.sql": b"\\i other.sql\n",
    "0010_index.sql": b"CREATE INDEX CONCURRENTLY i ON rooms (name);\n",
    "0011_syntax.sql": "-- ü\nSELCT 1;\n".encode(),
    "0012_header.sql": b"-- transactionl: false\nSELECT 1;\n",
    "0013_depends.sql": b"-- depends: 0099_nothing\nSELECT 1;\n",
    "0014_alone.rollback.sql": b"SELECT 1;\n",
    "0015_one.sql": b"SELECT 1;\n",
    "15_two.sql": b"SELECT 1;\n",
}


def test_every_wrong_file_is_named_at_once(fleet: MakeFleet) -> None:
    """All that is wrong in a folder of migrations is said in one run, each with its place and what was expected."""
    one = fleet(files=WRONG_FILES, created=False)
    folder = one.folder / "migrations" / "tenant"
    (folder / "0016_folder.sql").mkdir()
    (folder / "0017_link.sql").symlink_to("/etc/hostname")
    done = one.run("migrate", "--server", f"main={NOWHERE}")
    assert (done.code, done.out) == (2, "")
    assert done.err == (DATA / "wrong_files.txt").read_text(encoding="utf-8")


def test_the_place_is_shown_with_a_caret(fleet: MakeFleet) -> None:
    """What the parser refuses is shown with its lines and a caret, and the hint says how to go on."""
    one = fleet(
        tenants=["1"],
        files={"0000_rooms.sql": ROOMS, "0001_index.sql": f"{RATES}CREATE INDEX CONCURRENTLY i ON rooms (rate);\n"},
    )
    done = one.run("migrate")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: migrations/tenant/0001_index.sql:2:1: CREATE INDEX CONCURRENTLY cannot run inside a transaction\n"
        "    1 | ALTER TABLE rooms ADD COLUMN rate numeric(10, 2);\n"
        "    2 | CREATE INDEX CONCURRENTLY i ON rooms (rate);\n"
        "      | ^\n"
        'hint: add the line "-- transactional: false" at the top, to run the file statement by statement\n'
    )
    assert one.versions("1") == []


def test_unusual_files_that_are_fine(fleet: MakeFleet) -> None:
    """A gap, BOM, CRLF, comments alone, one BEGIN ... COMMIT, no semicolon, words that look like COMMIT: all run."""
    files: dict[str, str | bytes] = {
        "0_first.sql": "CREATE TABLE a (id integer)",
        "0002_bom.sql": "\ufeff-- transactional: true\r\nCREATE TABLE b ();\r\n".encode(),
        "0003_nothing.sql": "-- a deliberate no-op\n",
        "0004_wrapped.sql": "BEGIN;\nCREATE TABLE c ();\nCOMMIT;\n",
        "0010_words.sql": (
            "CREATE FUNCTION f() RETURNS integer BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END;\n"
            "DO $$ BEGIN PERFORM 'COMMIT;'; END $$;\n"
            "SELECT CASE WHEN true THEN 'ROLLBACK;' END;\n"
        ),
        "0010_words.rollback.sql": "DROP FUNCTION f();\n",
        "0011_last.sql": "-- depends: 0010_words\n-- note: prose is free\nSELECT f();\n",
    }
    one = fleet(tenants=["1"], files=files)
    done = one.run("migrate")
    assert (done.code, done.err.count("warning")) == (0, 0), done.err
    assert (one.versions("1"), one.tables("1")) == ([0, 2, 3, 4, 10, 11], ["a", "b", "c"])


def test_an_empty_folder(fleet: MakeFleet) -> None:
    """A folder without a migration is an error: nothing to apply is no success."""
    one = fleet(files={})
    done = one.run("migrate")
    assert (done.code, done.out, one.shown(done.err)) == (
        2,
        "",
        "error: migrations/tenant: no migrations, expected files NNNN_name.sql\n"
        'hint: create the first one with "tenantry new NAME"\n',
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            f"servers: {{main: embedded}}\nserver: main\n{LIST}",
            "error: tenants.yaml:2:1: unknown key 'server', expected one of servers, master, tenants, ledger,"
            " session, lint, drift, scratch, ... (16 in all)\n"
            "hint: did you mean 'servers'?\n",
            id="unknown key",
        ),
        pytest.param(
            f"servers:\n  main: ${{NO_SUCH_VARIABLE}}\n{LIST}",
            "error: tenants.yaml:2:9: servers.main: ${NO_SUCH_VARIABLE} not set, expected a value in the environment\n"
            "hint: set it, or give a whole connection string in TENANTRY_SERVER_MAIN or with --server main=...\n",
            id="unset variable",
        ),
        pytest.param(
            "servers: {main: embedded}\ntenants: {migrations: m, server: main, database: x, list: [1, 2, 1]}\n",
            "error: tenants.yaml:2:60: tenants.list[0]: database 'x' is used twice: 2 on 'main' (line 2), 1 on 'main'"
            " (line 2)\nhint: put {id} into tenants.database\n"
            "error: tenants.yaml:2:66: tenants.list[2]: the same tenant is listed twice: 1 (line 2), 1 (line 2)\n",
            id="several mistakes",
        ),
    ],
)
def test_tenants_yaml_is_wrong(fleet: MakeFleet, text: str, said: str) -> None:
    """A mistake in tenants.yaml exits with 2 and names line and column."""
    one = fleet(created=False)
    one.configure(text)
    done = one.run("migrate")
    assert (done.code, done.out, done.err) == (2, "", said)


def test_tenants_yaml_is_absent(fleet: MakeFleet) -> None:
    """Without tenants.yaml, the message names the verb that creates one, and the option that names another."""
    one = fleet(created=False)
    (one.folder / "tenants.yaml").unlink()
    done = one.run("migrate")
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        "error: tenants.yaml: not found, expected a file",
        'hint: name a file with --config, or run "tenantry init" to create one',
    ]


def test_a_password_in_clear(fleet: MakeFleet) -> None:
    """A password that stands in tenants.yaml is warned of, without being shown, and the run goes on."""
    one = fleet(tenants=["1"])
    one.configure(
        f"servers:\n  main: {one.server} password=s3cr3t\n"
        "tenants: {migrations: migrations/tenant, server: main, database: 'PREFIX_{id}', list: [1]}\n"
    )
    done = one.run("migrate")
    assert done.code == 0
    assert '"level": "warning"' in done.err.splitlines()[0]
    assert "tenants.yaml:2:9: servers.main: " in done.err.splitlines()[0]
    assert "s3cr3t" not in done.out + done.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        pytest.param(
            ["migrate", "--server", "far=host=x"], "error: --server far: unknown server, expected main\n", id="server"
        ),
        pytest.param(
            ["migrate", "--server", "main=s3cr3t"],
            "error: --server main: malformed connection string, expected embedded, key=value pairs or a postgresql://"
            " URL\n",
            id="connection string",
        ),
        pytest.param(
            ["migrate", "--to", "soon"],
            "Usage: tenantry migrate [OPTIONS]\nTry 'tenantry migrate --help' for help.\n\n"
            "error: --to: 'soon' is not a version, expected a number or a file name, such as 12 or"
            " 0012_rates\n",
            id="version",
        ),
        pytest.param(
            ["migrat"],
            "Usage: tenantry [OPTIONS] VERB [ARGS]...\nTry 'tenantry --help' for help.\n\n"
            "error: 'migrat' is not a verb: did you mean 'migrate'?\n",
            id="verb",
        ),
    ],
)
def test_arguments_are_wrong(fleet: MakeFleet, args: list[str], said: str) -> None:
    """A wrong argument exits with 2 and says what was expected; what may be a secret is not repeated."""
    done = fleet(created=False).run(*args)
    assert (done.code, done.out, done.err) == (2, "", said)


def test_a_server_variable_without_a_server(fleet: MakeFleet) -> None:
    """TENANTRY_SERVER_<NAME> of a server that tenants.yaml does not know is an error: a slip must not go unnoticed."""
    done = fleet(created=False).run("migrate", env={"TENANTRY_SERVER_MIAN": NOWHERE})
    assert (done.code, done.out, done.err) == (
        2,
        "",
        "error: TENANTRY_SERVER_MIAN: unknown server, expected TENANTRY_SERVER_MAIN\n"
        "hint: did you mean 'TENANTRY_SERVER_MAIN'?\n",
    )


def test_an_error_of_the_input_comes_before_any_database(fleet: MakeFleet) -> None:
    """A wrong file of the tenants' set is found before the master is migrated."""
    one = fleet(files={**FILES, "0002_syntax.sql": "SELCT"}, master={"0000_t.sql": "CREATE TABLE t ();"})
    assert one.run("migrate").code == 2
    assert (one.tables("master"), one.versions("master")) == ([], [])
    assert read_report(one, one.run("migrate", "--tenants", "master").out).column("result") == ["applied"]
