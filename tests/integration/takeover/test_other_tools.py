"""Flyway, Rails, Sqitch, sqlx and tern: what they recorded is read as they meant it, with the hash that they compute.

Rails, Sqitch and sqlx left what is read here themselves; the tables of Flyway and tern are written from their source.
"""

import re
import secrets
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from tenantry.model.errors import InputError, Refused
from tenantry.takeover.records.histories import ForeignRecord, SourceFile, load_history
from tests.builders import write_files
from tests.fix_postgres import MakeDatabase
from tests.integration.takeover.fix_recorded import copy_folder, judge, list_relative, reading, recorded

TOOLS = ("flyway", "rails", "sqitch", "sqlx", "tern")
FOLDERS = {
    "flyway": "flyway/migrations",
    "rails": "rails/db/migrate",
    "sqitch": "sqitch/project",
    "sqlx": "sqlx/migrations",
    "tern": "tern/migrations",
}

PLACEHOLDERS = "has placeholders: Flyway's checksum includes their values"
BELOW = "below version 2: tern records only the newest"
NO_SCRIPT = "in the plan, but without a deploy script"
ROOMS_V1 = "000230e82258b2db4cbd769eaefdfe6c8aba02ad"
ROOMS = "77820ab23b2b2d457af9bafa8c5da09c9095c6d4"
SESSIONS = "0c2a7f69b3dc1d66f61c021fc1674f4130cd7293"
DEPOSITS = "79c2552a7c184b9439b0dc207c34c71b05e50f85"
SHA_ROOMS = "96ba05125b8c709d9b2de826cb3f11ba2ebfafc2e5f9147ad50c526c861e3e87ebd923407164a955ad7f019e55b5805e"
SHA_SESSIONS = "a453440c8f927777352f95f49c5892503b17b3163b54ff31c8d0bdc2ff78d0843fd328aa9ffb18fcf08f2647d8e94cfe"
# What sqlx recorded of the same file with CRLF.
SHA_SESSIONS_CRLF = "8bb9b21d93bd0e396b86843c1d9ce36db204907a715326a425485936d6d7bb91dbd99cd80f634beb8f327b4104499783"
SHA_INDEX = "e7d40bbde4799d6b47e54d5e4ea9c289f264d4f88d0266a57e2fa92222e2415cc750c1d56eca5c8d35d28a6fa29f90a9"


def january(day: int, second: int) -> datetime:
    """Return a time in the month in which Flyway's rows are written."""
    return datetime(2026, 1, day, 9, 0, second, tzinfo=UTC)


def november(hour: int, minute: int, second: int, microsecond: int) -> datetime:
    """Return a time of the day on which the other tools were run."""
    return datetime(2026, 11, 22, hour, minute, second, microsecond, tzinfo=UTC)


RECORDS = {
    "flyway": [
        ForeignRecord("1", january(5, 2), "-2019916005"),
        ForeignRecord("R__Busy_rooms", january(6, 3), "-875010686"),
        ForeignRecord("R__comments", january(5, 5), "481707589"),
        ForeignRecord("1.1", january(6, 1), "1560785125"),
        ForeignRecord("2", january(6, 2), "1789116142"),
        ForeignRecord("10", january(7, 1), "849340676"),
    ],
    "rails": [ForeignRecord("20260105090000"), ForeignRecord("20260106090000")],
    "sqitch": [
        ForeignRecord("studio:rooms", november(16, 58, 33, 997501), ROOMS_V1),
        ForeignRecord("studio:sessions", november(16, 58, 34, 63073), SESSIONS),
        ForeignRecord("studio:rooms#2", november(16, 58, 34, 124875), ROOMS),
    ],
    "sqlx": [
        ForeignRecord("20260105090000", november(17, 7, 15, 799457), SHA_ROOMS),
        ForeignRecord("20260106090000", november(17, 7, 15, 800397), SHA_SESSIONS),
        ForeignRecord("20260107090000", november(17, 7, 15, 801535), SHA_INDEX),
    ],
    "tern": [ForeignRecord("2")],
}
FILES = {
    "flyway": [
        SourceFile("1", "V1__rooms.sql", "-2019916005"),
        SourceFile("1.1", "V1_1__sessions.sql", "1560785125"),
        SourceFile("2", "later/V2__names.sql", "1789116142"),
        SourceFile("10", "V10__deposits.sql", "849340676"),
        SourceFile("11", "V11__index.sql", "-774872273"),
        SourceFile("R__Busy_rooms", "R__Busy_rooms.sql", "-875010686"),
        SourceFile("R__comments", "R__comments.sql", note=PLACEHOLDERS),
    ],
    "rails": [
        SourceFile("20260105090000", "20260105090000_create_rooms.rb"),
        SourceFile("20260106090000", "20260106090000_create_sessions.rb"),
        SourceFile("20260107090000", "20260107090000_add_deposit.rb"),
    ],
    "sqitch": [
        SourceFile("studio:rooms", "deploy/rooms@v1.sql", ROOMS_V1),
        SourceFile("studio:sessions", "deploy/sessions.sql", SESSIONS),
        SourceFile("studio:rooms#2", "deploy/rooms.sql", ROOMS),
        SourceFile("studio:deposits", "deploy/deposits.sql", DEPOSITS),
    ],
    "sqlx": [
        SourceFile("20260105090000", "20260105090000_rooms.sql", SHA_ROOMS),
        SourceFile("20260106090000", "20260106090000_sessions.up.sql", SHA_SESSIONS),
        SourceFile("20260107090000", "20260107090000_index.sql", SHA_INDEX),
    ],
    "tern": [
        SourceFile("1", "001_rooms.sql"),
        SourceFile("2", "002_sessions.sql"),
        SourceFile("3", "003_deposits.sql"),
    ],
}
CLAIMS = {
    "flyway": [
        ("1", "match", ""),
        ("1.1", "match", ""),
        ("2", "match", ""),
        ("10", "match", ""),
        ("11", "file without row", ""),
        ("R__Busy_rooms", "match", ""),
        ("R__comments", "cannot verify", PLACEHOLDERS),
    ],
    "rails": [
        ("20260105090000", "cannot verify", ""),
        ("20260106090000", "cannot verify", ""),
        ("20260107090000", "file without row", ""),
    ],
    "sqitch": [
        ("studio:rooms", "match", ""),
        ("studio:sessions", "match", ""),
        ("studio:rooms#2", "match", ""),
        ("studio:deposits", "file without row", ""),
    ],
    "sqlx": [(version, "match", "") for version in ("20260105090000", "20260106090000", "20260107090000")],
    "tern": [("1", "cannot verify", BELOW), ("2", "cannot verify", ""), ("3", "file without row", "")],
}


@pytest.mark.parametrize("tool", TOOLS)
def test_what_the_tool_recorded_is_read(tool: str, database: MakeDatabase) -> None:
    """What the tool says has succeeded is a record, with its time in UTC, in a session that cannot write."""
    with reading(database(), recorded(tool)) as connection:
        assert list(load_history(tool).read(connection) or ()) == RECORDS[tool]


@pytest.mark.parametrize("tool", TOOLS)
def test_files_are_listed_in_the_tools_order(tool: str, tmp_path: Path) -> None:
    """The tool's files come in its own order, with the hash that the tool itself recorded."""
    assert list_relative(tool, copy_folder(FOLDERS[tool], tmp_path)) == FILES[tool]


@pytest.mark.parametrize("tool", TOOLS)
def test_records_and_files_are_held_together(tool: str, database: MakeDatabase, tmp_path: Path) -> None:
    """What the tool applied matches its file as far as it has a hash, and what it did not has a file alone."""
    with reading(database(), recorded(tool)) as connection:
        assert judge(tool, connection, copy_folder(FOLDERS[tool], tmp_path)) == CLAIMS[tool]


@pytest.mark.parametrize("tool", TOOLS)
def test_a_database_without_the_tool_has_no_records(tool: str, database: MakeDatabase) -> None:
    """Where the tool's table is not in its schema there is no history, whatever other schemas have."""
    elsewhere = recorded(tool).replace("public.", "other.").replace("sqitch", "other")
    with reading(database(), "CREATE SCHEMA IF NOT EXISTS other", elsewhere.replace("CREATE SCHEMA other;", "")) as c:
        assert load_history(tool).read(c) is None


@pytest.mark.parametrize(
    ("tool", "scripts", "message"),
    [
        pytest.param(
            "flyway",
            ("CREATE TABLE public.flyway_schema_history (version text, success text)",),
            "public.flyway_schema_history: has the columns version text, success text, expected installed_rank number,"
            " version text, description text, type text, checksum number, installed_on time, success flag",
            id="flyway, other columns",
        ),
        pytest.param(
            "flyway",
            (recorded("tern"),),
            "public.schema_version: has the columns version integer, expected installed_rank number,"
            " version text, description text, type text, checksum number, installed_on time, success flag",
            id="flyway, tern's table",
        ),
        pytest.param(
            "rails",
            ("CREATE TABLE public.schema_migrations (version bigint, dirty boolean)",),
            "public.schema_migrations: has the columns version bigint, dirty boolean, expected version text",
            id="rails, golang-migrate's table",
        ),
        pytest.param(
            "rails",
            ("CREATE TABLE public.schema_migrations (version varchar(128) PRIMARY KEY)",),
            "public.schema_migrations: there is no public.ar_internal_metadata, which Rails creates with it",
            id="rails, dbmate's table",
        ),
        pytest.param(
            "rails",
            (recorded("rails"), "INSERT INTO public.schema_migrations VALUES ('head')"),
            "public.schema_migrations: version 'head', expected a number",
            id="rails, a version that is a word",
        ),
        pytest.param(
            "sqitch",
            ("CREATE SCHEMA sqitch; CREATE TABLE sqitch.changes (change_id text, change text)",),
            "sqitch.changes: has the columns change_id text, change text, expected committed_at time, change_id text,"
            " script_hash text, change text, project text",
            id="sqitch, before script_hash",
        ),
        pytest.param(
            "sqlx",
            ("CREATE TABLE public._sqlx_migrations (version bigint, checksum text)",),
            "public._sqlx_migrations: has the columns version bigint, checksum text,"
            " expected version number, installed_on time, success flag, checksum bytes",
            id="sqlx, other columns",
        ),
        pytest.param(
            "tern",
            ("CREATE TABLE public.schema_version (version text)",),
            "public.schema_version: has the columns version text, expected version number",
            id="tern, another type",
        ),
        pytest.param(
            "tern",
            (recorded("tern"), "INSERT INTO public.schema_version VALUES (3)"),
            "public.schema_version: has 2 rows, expected 1",
            id="tern, two rows",
        ),
    ],
)
def test_a_table_that_is_not_the_tools_is_refused(
    tool: str, scripts: tuple[str, ...], message: str, database: MakeDatabase
) -> None:
    """A table of the tool's name that is another's is refused, with what it has and what was expected."""
    with reading(database(), *scripts) as connection, pytest.raises(Refused) as refused:
        load_history(tool).read(connection)
    assert str(refused.value) == message


def test_a_table_that_may_not_be_read_is_refused(database: MakeDatabase) -> None:
    """Without the right to read the tool's table, the refusal says which one and what to grant."""
    role = f"role_{secrets.token_hex(5)}"
    dsn = database()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role}; SET ROLE {role}".encode())
        try:
            with psycopg.connect(dsn, autocommit=True) as owner:
                owner.execute(recorded("sqlx").encode())
            with pytest.raises(Refused) as refused:
                load_history("sqlx").read(connection)
        finally:
            connection.execute(f"RESET ROLE; DROP ROLE {role}".encode())
    assert str(refused.value) == "public._sqlx_migrations: permission denied for table _sqlx_migrations"
    assert refused.value.hint == "grant the role SELECT on it; if it has row security, connect as a role with BYPASSRLS"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "ALTER TABLE _sqlx_migrations RENAME TO was; CREATE VIEW _sqlx_migrations AS"
            " SELECT sing(version) AS version, installed_on, success, checksum FROM was",
            "public._sqlx_migrations: not a plain table, as which sqlx creates it: it is not read",
        ),
        (
            "CREATE DOMAIN number AS bigint CHECK (sing(VALUE) > 0);"
            "ALTER TABLE _sqlx_migrations ALTER version TYPE number; SELECT setval('sung', 1, false)",
            "public._sqlx_migrations: has the columns version public.number",
        ),
        (
            "UPDATE _sqlx_migrations SET installed_on = 'infinity'",
            "public._sqlx_migrations: unreadable value, expected one that sqlx writes",
        ),
        ("CREATE INDEX ON _sqlx_migrations (version) WHERE sing(1) > 0", ""),
    ],
    ids=["a view", "a domain", "infinity", "an index with a condition"],
)
def test_what_was_put_in_the_place_of_a_table_does_not_run(database: MakeDatabase, change: str, message: str) -> None:
    """Another's code in the place of a tool's table, or on it, is not run; what the tool does not write is refused."""
    sing = (
        "CREATE SEQUENCE sung; CREATE FUNCTION sing(bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS"
        " $$ BEGIN PERFORM nextval('public.sung'); RETURN $1; END $$;"
    )
    with reading(database(), recorded("sqlx"), f"{sing}{change}; SELECT setval('sung', 1, false)") as connection:
        with pytest.raises(Refused, match=re.escape(message)) if message else nullcontext():
            load_history("sqlx").read(connection)
        assert connection.execute("SELECT is_called FROM public.sung").fetchone() == (False,)


@pytest.mark.parametrize(
    ("tool", "file", "edited"),
    [
        pytest.param("flyway", "V1_1__sessions.sql", "1.1", id="flyway"),
        pytest.param("flyway", "R__Busy_rooms.sql", "R__Busy_rooms", id="flyway, a repeatable one"),
        pytest.param("sqitch", "deploy/rooms@v1.sql", "studio:rooms", id="sqitch"),
        pytest.param("sqlx", "20260106090000_sessions.up.sql", "20260106090000", id="sqlx"),
    ],
)
def test_an_edited_file_is_a_mismatch(
    tool: str, file: str, edited: str, database: MakeDatabase, tmp_path: Path
) -> None:
    """An edit of one applied file is a mismatch of that file, and changes no other claim."""
    folder = copy_folder(FOLDERS[tool], tmp_path)
    (folder / file).write_text((folder / file).read_text("utf-8") + "-- later\n", "utf-8")
    with reading(database(), recorded(tool)) as connection:
        claims = judge(tool, connection, folder)
    expected = [(name, "mismatch" if name == edited else standing, note) for name, standing, note in CLAIMS[tool]]
    assert claims == expected


@pytest.mark.parametrize(
    ("tool", "file", "claim"),
    [
        pytest.param("flyway", "later/V2__names.sql", ("2", "row without file", ""), id="flyway"),
        pytest.param("rails", "20260105090000_create_rooms.rb", ("20260105090000", "row without file", ""), id="rails"),
        pytest.param("sqitch", "deploy/sessions.sql", ("studio:sessions", "cannot verify", NO_SCRIPT), id="sqitch"),
        pytest.param("sqlx", "20260107090000_index.sql", ("20260107090000", "row without file", ""), id="sqlx"),
    ],
)
def test_a_file_that_is_gone_is_said(
    tool: str, file: str, claim: tuple[str, str, str], database: MakeDatabase, tmp_path: Path
) -> None:
    """A row whose file is gone is told apart from one that can be compared."""
    folder = copy_folder(FOLDERS[tool], tmp_path)
    (folder / file).unlink()
    with reading(database(), recorded(tool)) as connection:
        claims = judge(tool, connection, folder)
    assert sorted(claims) == sorted([*(one for one in CLAIMS[tool] if one[0] != claim[0]), claim])


@pytest.mark.parametrize(
    ("text", "checksum"),
    [
        pytest.param("CREATE TABLE rooms (id int);\n", "-2019916005", id="LF"),
        pytest.param("CREATE TABLE rooms (id int);\r\n", "-2019916005", id="CRLF"),
        pytest.param("CREATE TABLE rooms (id int);\r", "-2019916005", id="CR"),
        pytest.param("CREATE TABLE rooms (id int);", "-2019916005", id="no line end"),
        pytest.param("\ufeffCREATE TABLE rooms (id int);", "-2019916005", id="BOM"),
        pytest.param("\ufeffCREATE TABLE sessions (\r\n  id int\r\n);\r\n", "1560785125", id="BOM and CRLF"),
        pytest.param(
            "-- Größe \u2028 one line\n\nALTER TABLE rooms ADD name text;", "1789116142", id="a separator that is none"
        ),
        pytest.param("", "0", id="empty"),
    ],
)
def test_flyways_checksum_is_that_of_javas_lines(text: str, checksum: str, tmp_path: Path) -> None:
    """The checksum is the CRC-32 that Java computes over the lines as its readers split them, signed."""
    folder = write_files(tmp_path, {"V1__rooms.sql": text})
    assert load_history("flyway").list_files(folder)[0].checksum == checksum


def test_flyway_before_version_5_is_read(database: MakeDatabase) -> None:
    """The table schema_version has the same rows; the newer one counts where both are there."""
    old = recorded("flyway").replace("flyway_schema_history", "schema_version")
    with reading(database(), old) as connection:
        assert list(load_history("flyway").read(connection) or ()) == RECORDS["flyway"]
    with reading(database(), old, recorded("flyway"), "DELETE FROM public.flyway_schema_history") as connection:
        assert load_history("flyway").read(connection) == ()


@pytest.mark.parametrize(
    ("row", "lost"),
    [
        pytest.param("(20, '10', 'deposits', 'UNDO_SQL', 'U10.sql', 1, 'ann', now(), 1, true)", {"10"}, id="undone"),
        pytest.param("(20, '10', 'deposits', 'DELETE', 'V10.sql', 1, 'ann', now(), 1, true)", {"10"}, id="deleted"),
        pytest.param(
            "(20, NULL, 'Busy rooms', 'DELETE', 'R.sql', 1, 'ann', now(), 1, true)",
            {"R__Busy_rooms"},
            id="a repeatable one deleted",
        ),
        pytest.param(
            "(20, '10', 'deposits', 'UNDO_SQL', 'U10.sql', 1, 'ann', now(), 1, false)", set(), id="undoing failed"
        ),
        pytest.param("(20, '12', 'late', 'SQL', 'V12.sql', 1, 'ann', now(), 1, false)", set(), id="failed"),
        pytest.param(
            "(20, NULL, 'Busy rooms', 'SQL', 'R.sql', 1, 'ann', now(), 1, false)", set(), id="a repeat failed"
        ),
    ],
)
def test_what_was_taken_back_or_failed_does_not_count(row: str, lost: set[str], database: MakeDatabase) -> None:
    """Undoing and deleting take a record away, and a row without success neither adds nor takes one."""
    insert = f"INSERT INTO public.flyway_schema_history VALUES {row}"
    with reading(database(), recorded("flyway"), insert) as connection:
        records = load_history("flyway").read(connection)
    assert records == tuple(record for record in RECORDS["flyway"] if record.id not in lost)


def test_flyways_versions_are_numbers(database: MakeDatabase, tmp_path: Path) -> None:
    """A file that was renamed from V2 to V002_0 is still that of version 2."""
    folder = copy_folder("flyway/migrations", tmp_path)
    (folder / "later" / "V2__names.sql").rename(folder / "V002_0__names.sql")
    with reading(database(), recorded("flyway")) as connection:
        claims = judge("flyway", connection, folder)
    assert claims == [("002.0" if name == "2" else name, *rest) for name, *rest in CLAIMS["flyway"]]


def test_a_baseline_file_of_flyway_is_a_migration(database: MakeDatabase, tmp_path: Path) -> None:
    """A B file that was applied is a record of its own, beside the version that has its number."""
    folder = write_files(tmp_path, {"B2__all.sql": "SELECT 1;\n", "V2__names.sql": "SELECT 2;\n"})
    row = "(1, '2', 'all', 'SQL_BASELINE', 'B2__all.sql', NULL, 'ann', now(), 1, true)"
    insert = f"DELETE FROM public.flyway_schema_history; INSERT INTO public.flyway_schema_history VALUES {row}"
    with reading(database(), recorded("flyway"), insert) as connection:
        claims = judge("flyway", connection, folder)
    assert claims == [("2", "file without row", ""), ("B2", "cannot verify", "")]


def test_a_file_in_another_encoding_cannot_be_verified(tmp_path: Path) -> None:
    """Flyway hashes decoded text: of a file that is not UTF-8 no checksum is made up."""
    folder = write_files(tmp_path, {"V1__rooms.sql": "-- Größe\n".encode("latin-1")})
    note = "not UTF-8: its checksum cannot be computed"
    assert list_relative("flyway", folder) == [SourceFile("1", "V1__rooms.sql", note=note)]


def test_sqlx_hashes_the_raw_bytes(tmp_path: Path) -> None:
    """CRLF makes another checksum, the one that sqlx recorded of such a file."""
    folder = write_files(tmp_path, {"20260106090000_sessions.up.sql": "CREATE TABLE sessions (id int);\r\n"})
    assert [file.checksum for file in load_history("sqlx").list_files(folder)] == [SHA_SESSIONS_CRLF]


def test_sqlx_counts_what_succeeded(database: MakeDatabase) -> None:
    """A row without success is not applied; one whose time was not measured is, as it was committed with its file."""
    update = "UPDATE public._sqlx_migrations SET {} WHERE version = {};"
    changes = update.format("success = false", 20260106090000) + update.format("execution_time = -1", 20260107090000)
    with reading(database(), recorded("sqlx"), changes) as connection:
        records = load_history("sqlx").read(connection)
    assert records == (RECORDS["sqlx"][0], RECORDS["sqlx"][2])


@pytest.mark.parametrize(
    ("hash_", "standing"),
    [
        pytest.param("NULL", "cannot verify", id="no hash"),
        pytest.param("change_id", "cannot verify", id="the change's id in place of a hash"),
        pytest.param("'0'", "mismatch", id="another hash"),
    ],
)
def test_a_hash_that_sqitch_never_had_cannot_be_verified(
    hash_: str, standing: str, database: MakeDatabase, tmp_path: Path
) -> None:
    """Rows of an upgraded registry have no hash of the script, and are no mismatch."""
    update = f"UPDATE sqitch.changes SET script_hash = {hash_} WHERE change = 'sessions'"
    with reading(database(), recorded("sqitch"), update) as connection:
        claims = judge("sqitch", connection, copy_folder("sqitch/project", tmp_path))
    assert claims[1] == ("studio:sessions", standing, "")


def test_a_change_of_another_project_is_a_row_without_file(database: MakeDatabase, tmp_path: Path) -> None:
    """Two projects in one registry are told apart, though their changes have one name."""
    other = "INSERT INTO sqitch.projects VALUES ('till', NULL, now(), 'Ann', 'ann'); INSERT INTO sqitch.changes VALUES"
    other += " ('c', 'd', 'rooms', 'till', '', now(), 'Ann', 'ann', now(), 'Ann', 'ann')"
    with reading(database(), recorded("sqitch"), other) as connection:
        claims = judge("sqitch", connection, copy_folder("sqitch/project", tmp_path))
    assert claims == [*CLAIMS["sqitch"], ("till:rooms", "row without file", "")]


PROJECT = "%syntax-version=1.0.0\n%project=studio\n\n# Rooms first.\n"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param({}, "{folder}: no sqitch.plan, expected one next to deploy/", id="no plan"),
        pytest.param(
            {"sqitch.plan": PROJECT + "rooms yesterday\n"},
            "{folder}/sqitch.plan:5: neither a change nor a tag of Sqitch: 'rooms yesterday'",
            id="a line that is no change",
        ),
        pytest.param(
            {"sqitch.plan": PROJECT + "@v1 2026-01-05T09:00:00Z Ann <ann@studio.example>\n"},
            "{folder}/sqitch.plan:5: neither a change nor a tag of Sqitch:"
            " '@v1 2026-01-05T09:00:00Z Ann <ann@studio.example>'",
            id="a tag before any change",
        ),
        pytest.param(
            {"sqitch.plan": "rooms 2026-01-05T09:00:00Z Ann <ann@studio.example>\n"},
            "{folder}/sqitch.plan: names no project, expected a line %project=NAME",
            id="no project",
        ),
        pytest.param(
            {"sqitch.plan": b"%project=\xff\n"}, "{folder}/sqitch.plan: not UTF-8 at byte 9, expected text", id="bytes"
        ),
    ],
)
def test_a_plan_that_cannot_be_read_is_named(files: dict[str, str | bytes], message: str, tmp_path: Path) -> None:
    """A plan is read whole or is an error of the input that names the line."""
    write_files(tmp_path, files)
    with pytest.raises(InputError) as raised:
        load_history("sqitch").list_files(tmp_path)
    assert str(raised.value) == message.format(folder=tmp_path)


@pytest.mark.parametrize(
    ("tool", "files", "message"),
    [
        pytest.param(
            "tern",
            ("1_a.sql", "3_c.sql"),
            "{folder}: no migration 2, expected all from 1 to 3",
            id="tern, gap",
        ),
        pytest.param(
            "tern",
            ("01_b.sql", "1_a.sql"),
            "{folder}/1_a.sql: '1' is used twice, also by {folder}/01_b.sql",
            id="tern, twice",
        ),
        pytest.param(
            "rails",
            ("20260105_a.rb", "20260105_b.rb"),
            "{folder}/20260105_b.rb: '20260105' is used twice, also by {folder}/20260105_a.rb",
            id="rails, twice",
        ),
        pytest.param(
            "sqlx",
            ("rooms_a.sql",),
            "{folder}/rooms_a.sql: 'rooms' is not a version, expected NUMBER_name.sql",
            id="sqlx",
        ),
        pytest.param(
            "flyway",
            ("V01__a.sql", "V1_0__b.sql"),
            "{folder}/V1_0__b.sql: '1' is used twice, also by {folder}/V01__a.sql",
            id="flyway, twice in two spellings",
        ),
    ],
)
def test_a_folder_that_the_tool_would_refuse_is_named(
    tool: str, files: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    """Versions that are missing, used twice or no numbers are an error of the input, as they are to the tool."""
    write_files(tmp_path, dict.fromkeys(files, ""))
    with pytest.raises(InputError) as raised:
        load_history(tool).list_files(tmp_path)
    assert str(raised.value) == message.format(folder=tmp_path)


@pytest.mark.parametrize(
    ("version", "claims"),
    [
        pytest.param(0, [(name, "file without row", "") for name in "123"], id="nothing applied"),
        pytest.param(
            4,
            [
                *((name, "cannot verify", "below version 4: tern records only the newest") for name in "123"),
                ("4", "row without file", ""),
            ],
            id="newer than the files",
        ),
    ],
)
def test_terns_version_stands_for_all_up_to_it(
    version: int, claims: list[tuple[str, str, str]], database: MakeDatabase, tmp_path: Path
) -> None:
    """Version 0 is no migration, and a version that has no file stands for all files below it."""
    update = f"UPDATE public.schema_version SET version = {version}"
    with reading(database(), recorded("tern"), update) as connection:
        assert judge("tern", connection, copy_folder("tern/migrations", tmp_path)) == claims
