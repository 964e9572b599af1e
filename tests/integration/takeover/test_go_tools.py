"""dbmate, golang-migrate and goose: dbmate's ledger was recorded from it, those of the others follow their sources."""

from pathlib import Path

import pytest

from tenantry.model.errors import InputError, Refused
from tenantry.takeover.records.histories import ForeignRecord, load_history
from tests.fix_postgres import MakeDatabase
from tests.integration.takeover import DATA, Row, at, copy_files, load, read, show

READ = {
    "dbmate": (ForeignRecord("20260101090000"), ForeignRecord("20260102090000")),
    "golang-migrate": (ForeignRecord("2"),),
    "goose": (ForeignRecord("1", at("2026-01-01T09:00:01Z")), ForeignRecord("2", at("2026-01-01T09:00:06Z"))),
}
CLAIMS: dict[str, list[Row]] = {
    "dbmate": [("20260101090000", "cannot verify", ""), ("20260102090000", "cannot verify", "")],
    "golang-migrate": [
        ("1", "cannot verify", "below version 2: golang-migrate records only the newest"),
        ("2", "cannot verify", ""),
        ("10", "file without row", ""),
    ],
    "goose": [("1", "cannot verify", ""), ("2", "cannot verify", ""), ("3", "file without row", "")],
}
LEFT = {"dbmate": "20260102090000", "golang-migrate": "2", "goose": "2"}
GONE = {
    "dbmate": "20260102090000_guests.sql",
    "golang-migrate": "000002_guests.up.sql",
    "goose": "00002_guests.sql",
}
VERSIONS = "CREATE TABLE public.schema_migrations (version text)"
DIRTY = "CREATE TABLE public.schema_migrations (version bigint, dirty boolean)"
# A tool, what is in the database, and what is said of it.
REFUSED = {
    "dbmate, other columns": (
        "dbmate",
        "CREATE TABLE public.schema_migrations (version bigint, inserted_at timestamp)",
        "public.schema_migrations: has the columns version bigint, inserted_at timestamp without time zone,"
        " expected version text",
        "if the table does not belong to dbmate, this database has no records of dbmate to import",
    ),
    "dbmate, golang-migrate's table": (
        "dbmate",
        DIRTY,
        "public.schema_migrations: has a column dirty, which golang-migrate creates",
        "if golang-migrate created the table, import from golang-migrate",
    ),
    "dbmate, Rails' table": (
        "dbmate",
        f"{VERSIONS}; CREATE TABLE public.ar_internal_metadata (key text)",
        "public.schema_migrations: public.ar_internal_metadata exists, which Rails creates with it",
        "if rails created the table, import from rails",
    ),
    "golang-migrate, dbmate's table": (
        "golang-migrate",
        VERSIONS,
        "public.schema_migrations: has the columns version text, expected version number, dirty flag",
        "if the table does not belong to golang-migrate, this database has no records of golang-migrate to import",
    ),
    "golang-migrate, dirty": (
        "golang-migrate",
        f"{DIRTY}; INSERT INTO public.schema_migrations VALUES (3, true)",
        "public.schema_migrations: version 3 is dirty: its up or down file failed midway",
        'finish or undo it by hand, then run "migrate force VERSION" with the resulting version',
    ),
    "golang-migrate, two rows": (
        "golang-migrate",
        f"{DIRTY}; INSERT INTO public.schema_migrations VALUES (3, false), (4, false)",
        "public.schema_migrations: has 2 rows, expected 1",
        "",
    ),
    "goose, other columns": (
        "goose",
        "CREATE TABLE public.goose_db_version (id int, version_id text)",
        "public.goose_db_version: has the columns id integer, version_id text,"
        " expected id number, version_id number, is_applied flag, tstamp time",
        "if the table does not belong to goose, this database has no records of goose to import",
    ),
}
# A tool, a file that is added to its recorded folder, and the claim that this makes.
IGNORED: dict[str, tuple[str, str, Row]] = {
    "dbmate, no number": (
        "dbmate",
        "rooms.sql",
        ("rooms", "file without row", "no number at the start of its name: dbmate never runs it"),
    ),
    "golang-migrate, neither up nor down": (
        "golang-migrate",
        "000001_seed.sql",
        ("000001_seed", "file without row", "not named VERSION_name.up.sql: golang-migrate never runs it"),
    ),
    "goose, no number": (
        "goose",
        "seed.sql",
        ("seed", "file without row", "not named VERSION_name.sql: goose never runs it"),
    ),
    "goose, a program": ("goose", "00004_move.go", ("4", "file without row", "a program without SQL")),
}
TWICE = {
    "dbmate": ("20260101090000_beds.sql", "20260101090000_rooms.sql", "20260101090000"),
    "golang-migrate": ("1_beds.up.sql", "000001_rooms.up.sql", "1"),
    "goose": ("1_beds.sql", "00001_rooms.sql", "1"),
}


def folder_of(tool: str) -> str:
    return tool.replace("-", "_")


@pytest.mark.parametrize("tool", READ)
def test_ledger_is_read(database: MakeDatabase, tool: str) -> None:
    """What is applied is read, and nothing else: no version 0, and nothing that was rolled back."""
    dsn = database()
    assert read(dsn, tool) is None
    load(dsn, DATA / folder_of(tool) / "ledger.sql")
    assert read(dsn, tool) == READ[tool]


@pytest.mark.parametrize("tool", CLAIMS)
def test_claims_without_checksum_cannot_be_verified(tool: str) -> None:
    """A recorded version and its file are held together, in the order of numbers, and never called a match."""
    history = load_history(tool)
    files = history.list_files(DATA / folder_of(tool) / "files")
    assert show(history.match(READ[tool], files)) == CLAIMS[tool]


@pytest.mark.parametrize("tool", LEFT)
def test_row_without_file(tmp_path: Path, tool: str) -> None:
    """A recorded version that has no file any more is said, after all files."""
    folder = copy_files(folder_of(tool), tmp_path)
    (folder / GONE[tool]).unlink()
    history = load_history(tool)
    assert show(history.match(READ[tool], history.list_files(folder)))[-1] == (LEFT[tool], "row without file", "")


@pytest.mark.parametrize(("tool", "prepare", "message", "hint"), REFUSED.values(), ids=REFUSED)
def test_other_table_is_refused(database: MakeDatabase, tool: str, prepare: str, message: str, hint: str) -> None:
    """A table that is not the tool's, or that the tool itself would not go on from, is refused by name."""
    dsn = database()
    load(dsn, prepare)
    with pytest.raises(Refused) as caught:
        read(dsn, tool)
    assert (str(caught.value), caught.value.hint) == (message, hint)


@pytest.mark.parametrize(("tool", "name", "claim"), IGNORED.values(), ids=IGNORED)
def test_file_that_the_tool_does_not_run_as_sql(tmp_path: Path, tool: str, name: str, claim: Row) -> None:
    """A file that the tool passes over, or that holds no SQL, comes last and says so."""
    folder = copy_files(folder_of(tool), tmp_path)
    (folder / name).write_text("SELECT 1;\n")
    history = load_history(tool)
    assert show(history.match(READ[tool], history.list_files(folder)))[-1] == claim


@pytest.mark.parametrize(("tool", "names"), TWICE.items(), ids=TWICE)
def test_version_that_is_used_twice(tmp_path: Path, tool: str, names: tuple[str, str, str]) -> None:
    """Two files of one version are an error: nobody can tell which one was run."""
    folder = copy_files(folder_of(tool), tmp_path)
    (folder / names[0]).write_text("SELECT 1;\n")
    with pytest.raises(InputError) as caught:
        load_history(tool).list_files(folder)
    first, second = sorted((folder / name).as_posix() for name in names[:2])
    assert str(caught.value) == f"{second}: {names[2]!r} is used twice, also by {first}"


def test_empty_golang_ledger_has_no_records(database: MakeDatabase) -> None:
    """A table without a row is golang-migrate's too: nothing was run."""
    dsn = database()
    load(dsn, DIRTY)
    assert read(dsn, "golang-migrate") == ()
    history = load_history("golang-migrate")
    files = history.list_files(DATA / "golang_migrate" / "files")
    assert {claim.standing.value for claim in history.match((), files)} == {"file without row"}


@pytest.mark.parametrize("tool", READ)
def test_folder_that_is_not_there(tmp_path: Path, tool: str) -> None:
    """A folder that does not exist is named."""
    with pytest.raises(InputError) as caught:
        load_history(tool).list_files(tmp_path / "db")
    assert str(caught.value) == f"{tmp_path}/db: no such folder, expected the tool's migrations"
