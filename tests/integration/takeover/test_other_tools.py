"""Records of Flyway, Rails, sqitch, sqlx and tern, held against the files that they were made from."""

from pathlib import Path

import pytest

from tenantry.takeover.records.histories import load_history
from tests.builders import write_files
from tests.fix_postgres import MakeDatabase
from tests.integration.takeover.fix_other_tools import (
    CLAIMS,
    FILES,
    FOLDERS,
    NO_SCRIPT,
    RECORDS,
    SHA_SESSIONS_CRLF,
    TOOLS,
)
from tests.integration.takeover.fix_recorded import copy_folder, judge, list_relative, reading, recorded


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
