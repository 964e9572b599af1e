"""drizzle, Prisma, node-pg-migrate, graphile-migrate and Supabase, each with a ledger and a folder recorded from it.

Recorded with drizzle-orm 0.45.4 and 1.0.0-rc.4 (`upgraded` was begun with the former and went on with the latter),
Prisma's schema engine of 8.1.0, node-pg-migrate 9.0.0, graphile-migrate 1.4.1 and the Supabase CLI 3.1.0.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tenantry.model.errors import InputError, Refused
from tenantry.takeover.records.histories import ForeignRecord, load_history
from tests.fix_postgres import MakeDatabase
from tests.integration.takeover import DATA, Row, at, copy_files, load, read, show

HASHES = {
    "rooms": "18adfac04990787d5e3d6131f85d8e1bdccf4eb9e6682153b6ef79de24f97182",
    "guests": "8726d755899fbbf9cd34dcc11a5d496d28c1481790e40380c2e79c7d4be962b0",
    "notes": "a80f7418b30c7180c64f1ffe028f2d563d62411bf57e897db6353f5d9d80fbd0",
}
PRISMA_ROOMS = "66c4e31c2035e63b58cf6bf8410f9246bb3dd582d2fc4d1d13148a6d0dca9dfa"
PRISMA_GUESTS = "ca2e2f6b0c5666cb8be5f208af5aa1a9198dd7c1c9d0bc363ece5521fa534676"
# By recorded folder.
TOOLS = {
    "drizzle/0.45": "drizzle",
    "drizzle/1.0": "drizzle",
    "drizzle/upgraded": "drizzle",
    "prisma": "prisma",
    "node_pg_migrate": "node-pg-migrate",
    "graphile_migrate": "graphile-migrate",
    "supabase": "supabase",
}
READ = {
    "drizzle/0.45": (
        ForeignRecord("row 1", None, HASHES["rooms"], "1795366721618"),
        ForeignRecord("row 2", None, HASHES["guests"], "1795366722160"),
        ForeignRecord("row 3", None, HASHES["notes"], "1795366822160"),
    ),
    "drizzle/1.0": (
        ForeignRecord(
            "20261122165926_rooms",
            at("2026-11-22T17:00:41.056812Z"),
            "9a31d2376f186de2943c14d27192ddb50fccb93fb128fce069c5a592fa5185f8",
            "1795366766000",
        ),
        ForeignRecord(
            "20261122165928_guests",
            at("2026-11-22T17:00:41.056812Z"),
            "a78c35ef1682efd35a5db3187281770ea619f84251ad34ee9166d81aac028136",
            "1795366768000",
        ),
    ),
    "drizzle/upgraded": (
        ForeignRecord("20261122165841_rooms", None, HASHES["rooms"], "1795366721618"),
        ForeignRecord("20261122165842_guests", None, HASHES["guests"], "1795366722160"),
        ForeignRecord("20261201090000_notes", at("2026-11-22T17:01:03.830567Z"), HASHES["notes"], "1796115600000"),
    ),
    "prisma": (
        ForeignRecord("20260101090000_rooms", at("2026-11-22T17:02:17.422Z"), PRISMA_ROOMS),
        ForeignRecord("20260102090000_guests", at("2026-11-22T17:02:17.429Z"), PRISMA_GUESTS),
    ),
    "node_pg_migrate": (
        ForeignRecord("1767258000000_rooms", at("2026-11-22T16:58:10.406552Z")),
        ForeignRecord("1767344400000_guests", at("2026-11-22T16:58:10.406552Z")),
    ),
    "graphile_migrate": (
        ForeignRecord("000001.sql", at("2026-11-22T16:58:38.966925Z"), "sha1:f8a0d3f0395f55fb16db6e46fd729127d7ea2fcd"),
        ForeignRecord("000002.sql", at("2026-11-22T16:58:39.523204Z"), "sha1:fe2db5353cbb09297afcea644c930e7c2077f3c7"),
        ForeignRecord("000003.sql", at("2026-11-22T16:58:40.126802Z"), "sha1:9960c28725f3e08c3aa4afea8585c99484ed061d"),
    ),
    "supabase": (ForeignRecord("20260101090000"), ForeignRecord("20260102090000")),
}
NEVER = (
    "drizzle never ran it here and never will: its time in the journal, 1795366721718,"
    " is not after 1795366822160 of the newest row"
)
BACKWARDS = (
    "its time in the journal, 1795366721718, is not after 1795366722160 of 0001_guests:"
    " drizzle never runs it if 0001_guests ran first"
)
EDITED = "edited after drizzle ran it: the hash differs"
CLAIMS: dict[str, list[Row]] = {
    "drizzle/0.45": [
        ("0000_rooms", "match", ""),
        ("0001_guests", "match", ""),
        ("0002_bills", "file without row", NEVER),
        ("0003_notes", "match", ""),
    ],
    "drizzle/1.0": [("20261122165926_rooms", "match", ""), ("20261122165928_guests", "match", "")],
    "drizzle/upgraded": [
        ("20261122165841_rooms", "match", ""),
        ("20261122165842_guests", "match", ""),
        ("20261201090000_notes", "match", ""),
    ],
    # Recorded of a file with CRLF, which git keeps with LF.
    "prisma": [
        ("20260101090000_rooms", "match", ""),
        ("20260102090000_guests", "match", ""),
        ("20260103090000_broken", "file without row", ""),
    ],
    "node_pg_migrate": [("1767258000000_rooms", "cannot verify", ""), ("1767344400000_guests", "cannot verify", "")],
    "graphile_migrate": [("000001.sql", "match", ""), ("000002.sql", "match", ""), ("000003.sql", "match", "")],
    "supabase": [("20260101090000", "cannot verify", ""), ("20260102090000", "cannot verify", "")],
}
GRAPHILE_EDITED = "edited after it was committed: its header says sha1:f8a0d3f0395f55fb16db6e46fd729127d7ea2fcd"
# A recorded folder, the file in it that is edited, and the claim that is then made of it.
EDITS: dict[str, tuple[str, Row]] = {
    "drizzle/0.45": ("0000_rooms.sql", ("0000_rooms", "mismatch", EDITED)),
    "drizzle/1.0": ("20261122165926_rooms/migration.sql", ("20261122165926_rooms", "mismatch", EDITED)),
    "drizzle/upgraded": ("20261122165841_rooms/migration.sql", ("20261122165841_rooms", "mismatch", EDITED)),
    "prisma": ("20260101090000_rooms/migration.sql", ("20260101090000_rooms", "mismatch", "")),
    "graphile_migrate": ("committed/000001-rooms.sql", ("000001.sql", "mismatch", GRAPHILE_EDITED)),
}
# A recorded folder, the file that is taken from it, and the claim that is left of its row.
GONE: dict[str, tuple[str, Row]] = {
    "drizzle/1.0": ("20261122165928_guests", ("20261122165928_guests", "row without file", "")),
    "prisma": ("20260102090000_guests", ("20260102090000_guests", "row without file", "")),
    "node_pg_migrate": ("1767344400000_guests.sql", ("1767344400000_guests", "row without file", "")),
    "graphile_migrate": ("committed/000003.sql", ("000003.sql", "row without file", "")),
    "supabase": ("20260102090000_guests.sql", ("20260102090000", "row without file", "")),
}
# A tool, a table that is not its own, and what is said of it.
FOREIGN = {
    "drizzle": (
        "CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id int, sum text)",
        "drizzle.__drizzle_migrations: has the columns id integer, sum text,"
        " expected id number, hash text, created_at number",
    ),
    "prisma": (
        "CREATE TABLE public._prisma_migrations (id int)",
        "public._prisma_migrations: has the columns id integer, expected started_at time, finished_at time,"
        " rolled_back_at time, migration_name text, checksum text",
    ),
    "node-pg-migrate": (
        "CREATE TABLE public.pgmigrations (name text, run_on text)",
        "public.pgmigrations: has the columns name text, run_on text, expected id number, name text, run_on time",
    ),
    "graphile-migrate": (
        "CREATE SCHEMA graphile_migrate; CREATE TABLE graphile_migrate.migrations (filename text)",
        "graphile_migrate.migrations: has the columns filename text, expected filename text, hash text, date time",
    ),
    "supabase": (
        "CREATE SCHEMA supabase_migrations; CREATE TABLE supabase_migrations.schema_migrations (version bigint)",
        "supabase_migrations.schema_migrations: has the columns version bigint, expected version text",
    ),
}
# What the journal of drizzle holds instead, and what is said of it after its name.
JOURNALS = {
    "not JSON": ('{\n  "entries": [\n<<<<<<< ours', ":3: not JSON: Expecting value, expected the journal that"),
    "too deep": ("[" * 100_000, ": too deep or too long to read, expected the journal that"),
    "too long": (f"[{'1' * 5_000}]", ": too deep or too long to read, expected the journal that"),
    "a list": ("[]", ": has no list of entries, expected the journal that"),
    "no entries": ("{}", ": has no list of entries, expected the journal that"),
    "another database": ('{"dialect": "mysql", "entries": []}', ": is for 'mysql', expected 'postgresql'"),
    "no when": ('{"entries": [{"tag": "0000_rooms"}]}', ': entries[0] is {"tag": "0000_rooms"}, expected a tag'),
    "no tag": ('{"entries": [{"when": 1}]}', ': entries[0] is {"when": 1}, expected a tag'),
    "a path for a tag": (
        '{"entries": [{"tag": "../x", "when": 1}]}',
        ': entries[0] is {"tag": "../x", "when": 1}, expected a tag',
    ),
    "a word for an entry": ('{"entries": ["0000_rooms"]}', ': entries[0] is "0000_rooms", expected a tag'),
    "not UTF-8": ('{"\udcff": 1}', ": not UTF-8 at byte 2, expected text"),
}


def claims_of(source: str, folder: Path, records: tuple[ForeignRecord, ...] | None = None) -> list[Row]:
    history = load_history(TOOLS[source])
    return show(history.match(READ[source] if records is None else records, history.list_files(folder)))


def edit_journal(folder: Path, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    """Change the entries of a journal."""
    journal = folder / "meta" / "_journal.json"
    content = json.loads(journal.read_text())
    change(content["entries"])
    journal.write_text(json.dumps(content, indent=2))


def fault_of(tool: str, folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_history(tool).list_files(folder)
    return str(caught.value)


@pytest.mark.parametrize("source", READ)
def test_recorded_ledger_is_read(database: MakeDatabase, source: str) -> None:
    """What the tool recorded as applied is read, and nothing that failed or was rolled back."""
    dsn = database()
    assert read(dsn, TOOLS[source]) is None
    load(dsn, DATA / source / "ledger.sql")
    assert read(dsn, TOOLS[source]) == READ[source]


UNAPPLIED = {
    "failed, not yet resolved": "rolled_back_at = NULL",
    "ran, then rolled back": "finished_at = started_at",
}


@pytest.mark.parametrize("change", UNAPPLIED.values(), ids=UNAPPLIED)
def test_prisma_row_that_is_not_applied(database: MakeDatabase, change: str) -> None:
    """A row of Prisma counts as applied only where it was finished and not rolled back."""
    dsn = database()
    broken = f"UPDATE public._prisma_migrations SET {change} WHERE migration_name = '20260103090000_broken'"
    load(dsn, DATA / "prisma" / "ledger.sql", broken)
    assert read(dsn, "prisma") == READ["prisma"]


@pytest.mark.parametrize("source", CLAIMS)
def test_recorded_files_match_their_rows(source: str) -> None:
    """The checksum that is computed of each file is the one that the tool itself recorded."""
    assert claims_of(source, DATA / source / "files") == CLAIMS[source]


@pytest.mark.parametrize("source", CLAIMS)
def test_files_are_listed_without_records(source: str) -> None:
    """Where the tool recorded nothing, each file is without a row, in the order of the tool."""
    assert [(name, standing) for name, standing, _ in claims_of(source, DATA / source / "files", ())] == [
        (name, "file without row") for name, _standing, _note in CLAIMS[source]
    ]


@pytest.mark.parametrize(("source", "edit"), EDITS.items(), ids=EDITS)
def test_edited_file_is_a_mismatch(tmp_path: Path, source: str, edit: tuple[str, Row]) -> None:
    """A file that was edited after it ran is a mismatch, and all others are as they were."""
    folder = copy_files(source, tmp_path)
    path = folder / edit[0]
    path.write_text(path.read_text() + "SELECT 1;\n")
    assert claims_of(source, folder) == [edit[1], *CLAIMS[source][1:]]


@pytest.mark.parametrize(("source", "gone"), GONE.items(), ids=GONE)
def test_row_without_file(tmp_path: Path, source: str, gone: tuple[str, Row]) -> None:
    """A row whose file is gone is said, after all files."""
    folder = copy_files(source, tmp_path)
    (folder / gone[0]).rename(tmp_path / "elsewhere")
    left = [claim for claim in CLAIMS[source] if claim[0] != gone[1][0]]
    assert claims_of(source, folder) == [*left, gone[1]]


@pytest.mark.parametrize(("tool", "foreign"), FOREIGN.items(), ids=FOREIGN)
def test_unknown_columns_are_refused(database: MakeDatabase, tool: str, foreign: tuple[str, str]) -> None:
    """A table with other columns is refused, with what there is and what was expected."""
    dsn = database()
    load(dsn, foreign[0])
    with pytest.raises(Refused) as caught:
        read(dsn, tool)
    assert str(caught.value) == foreign[1]
    title = load_history(tool).title
    assert (
        caught.value.hint
        == f"if the table does not belong to {title}, this database has no records of {title} to import"
    )


@pytest.mark.parametrize(("text", "message"), JOURNALS.values(), ids=JOURNALS)
def test_journal_that_cannot_be_read(tmp_path: Path, text: str, message: str) -> None:
    """A journal that is not what drizzle-kit writes is named, with its line or entry."""
    folder = copy_files("drizzle/0.45", tmp_path)
    journal = folder / "meta" / "_journal.json"
    journal.write_bytes(text.encode(errors="surrogateescape"))
    endings = {
        "the journal that": " drizzle-kit writes",
        "expected a tag": ", the name of a file, and when, its time in milliseconds",
    }
    ending = next((rest for start, rest in endings.items() if message.endswith(start)), "")
    assert fault_of("drizzle", folder) == f"{journal}{message}{ending}"


def test_listed_file_that_is_absent(tmp_path: Path) -> None:
    """A file that the journal lists and that is not there is named, with the line that lists it."""
    folder = copy_files("drizzle/0.45", tmp_path)
    path = folder / "0001_guests.sql"
    path.unlink()
    message = f"{folder}/meta/_journal.json:16: lists '0001_guests', but {path} does not exist"
    assert fault_of("drizzle", folder) == message


def test_file_that_the_journal_does_not_list(tmp_path: Path) -> None:
    """A file that is not in the journal comes last and says that drizzle never runs it; its row is found by hash."""
    folder = copy_files("drizzle/0.45", tmp_path)
    edit_journal(folder, lambda entries: entries.pop(0))
    unlisted = ("0000_rooms", "match", "not in the journal: drizzle never runs it")
    assert claims_of("drizzle/0.45", folder) == [*CLAIMS["drizzle/0.45"][1:], unlisted]


def test_times_that_go_backwards_are_said_of_the_files() -> None:
    """A journal whose times go backwards names the files that drizzle passes over, without a database."""
    files = load_history("drizzle").list_files(DATA / "drizzle/0.45" / "files")
    assert [(file.id, file.note) for file in files] == [
        ("0000_rooms", ""),
        ("0001_guests", ""),
        ("0002_bills", BACKWARDS),
        ("0003_notes", ""),
    ]


def test_file_that_a_fresh_database_ran_is_a_match() -> None:
    """A file with a time that goes backwards is a match where its hash is recorded: a fresh database runs all."""
    history = load_history("drizzle")
    files = history.list_files(DATA / "drizzle/0.45" / "files")
    records = tuple(
        ForeignRecord(f"row {number}", None, file.checksum, file.key) for number, file in enumerate(files, 1)
    )
    assert [claim[1] for claim in show(history.match(records, files))] == ["match"] * 4


def test_drizzle_is_not_matched_by_position_or_time(tmp_path: Path) -> None:
    """Rows of the right number, and at the right times, match nothing unless the hashes are right."""
    folder = copy_files("drizzle/0.45", tmp_path)
    rooms, guests = (folder / name for name in ("0000_rooms.sql", "0001_guests.sql"))
    texts = rooms.read_bytes(), guests.read_bytes()
    rooms.write_bytes(texts[1])
    guests.write_bytes(texts[0])
    history = load_history("drizzle")
    claims = history.match(READ["drizzle/0.45"], history.list_files(folder))
    assert [(claim.id, claim.record.id) for claim in claims if claim.record] == [
        ("0000_rooms", "row 2"),
        ("0001_guests", "row 1"),
        ("0003_notes", "row 3"),
    ]


def test_name_that_drizzle_gave_to_the_wrong_row_is_a_mismatch() -> None:
    """A name counts for nothing where the hash is another one: the upgrade to 1.x gives names by time."""
    history = load_history("drizzle")
    files = history.list_files(DATA / "drizzle/1.0" / "files")
    records = (ForeignRecord(files[0].id, None, "0" * 64), ForeignRecord("old name", None, files[1].checksum))
    assert show(history.match(records, files)) == [
        (files[0].id, "mismatch", EDITED),
        (files[1].id, "match", "recorded as old name"),
    ]


def test_files_of_the_same_text_each_have_their_row(tmp_path: Path) -> None:
    """Two files with one hash and one row between them: the row belongs to the one of its time."""
    folder = copy_files("drizzle/0.45", tmp_path)
    (folder / "0000_rooms.sql").write_bytes((folder / "0001_guests.sql").read_bytes())
    assert [claim[:2] for claim in claims_of("drizzle/0.45", folder, READ["drizzle/0.45"][1:])][:2] == [
        ("0000_rooms", "file without row"),
        ("0001_guests", "match"),
    ]


def test_folder_of_both_drizzles(tmp_path: Path) -> None:
    """A folder that is half upgraded to drizzle 1.x is refused."""
    folder = copy_files("drizzle/0.45", tmp_path)
    (folder / "20260101090000_rooms").mkdir()
    assert fault_of("drizzle", folder) == (
        f"{folder}: has both meta/_journal.json of drizzle 0.x and folders of drizzle 1.x, expected one of them"
    )


def test_folder_of_no_drizzle(tmp_path: Path) -> None:
    """A folder that is not drizzle's is refused."""
    message = f"{tmp_path}: not a drizzle folder, expected meta/_journal.json or folders with a migration.sql"
    assert fault_of("drizzle", tmp_path) == message


@pytest.mark.parametrize("source", ["drizzle/1.0", "prisma"])
def test_folder_without_its_file(tmp_path: Path, source: str) -> None:
    """A migration's folder without a migration.sql is named."""
    folder = copy_files(source, tmp_path)
    (folder / "20270101090000_empty").mkdir()
    path = folder / "20270101090000_empty" / "migration.sql"
    assert fault_of(TOOLS[source], folder) == f"{path}: cannot be read: No such file or directory"


LOOSE: dict[str, tuple[str, Row]] = {
    "drizzle/1.0": ("seed.sql", ("seed", "file without row", "not in a folder of its own: drizzle 1.x never runs it")),
    "prisma": ("seed.sql", ("seed", "file without row", "not in a folder of its own: Prisma never runs it")),
    "node_pg_migrate": (
        "1767344400001_seed.ts",
        ("1767344400001_seed", "file without row", "a program without SQL"),
    ),
    "supabase": ("seed.sql", ("seed", "file without row", "not named <timestamp>_name.sql: Supabase never runs it")),
}


@pytest.mark.parametrize(("source", "loose"), LOOSE.items(), ids=LOOSE)
def test_file_that_the_tool_does_not_run_as_sql(tmp_path: Path, source: str, loose: tuple[str, Row]) -> None:
    """A file that the tool passes over, or that holds no SQL, says so."""
    folder = copy_files(source, tmp_path)
    (folder / loose[0]).write_text("SELECT 1;\n")
    assert claims_of(source, folder)[-1] == loose[1]


@pytest.mark.parametrize("source", ["prisma", "graphile_migrate"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_line_ends_of_a_checkout_do_not_matter(tmp_path: Path, source: str, ends: str) -> None:
    """A file that git checked out with other line ends than it was run with is a match."""
    folder = copy_files(source, tmp_path)
    for path in folder.rglob("*.sql"):
        path.write_bytes(path.read_bytes().replace(b"\n", ends.encode()))
    assert claims_of(source, folder) == CLAIMS[source]


def test_hash_of_an_old_prisma() -> None:
    """A row whose hash lacks leading zeros, as old versions wrote it, is a match."""
    old = "".join(f"{byte:x}" for byte in bytes.fromhex(PRISMA_ROOMS))
    assert len(old) < len(PRISMA_ROOMS)
    records = (ForeignRecord("20260101090000_rooms", None, old),)
    assert claims_of("prisma", DATA / "prisma" / "files", records)[0] == ("20260101090000_rooms", "match", "")


def test_folder_around_the_migrations(tmp_path: Path) -> None:
    """The folder around that of the migrations is as good, where the tool has a fixed name for the latter."""
    for source in ("prisma", "supabase"):
        copy_files(source, tmp_path / source).rename(tmp_path / source / "migrations")
        assert claims_of(source, tmp_path / source) == CLAIMS[source]
    assert claims_of("graphile_migrate", DATA / "graphile_migrate" / "files" / "committed")[0][1] == "match"


def test_broken_chain(tmp_path: Path) -> None:
    """A committed file that is missing in the middle is seen from the one after it."""
    folder = copy_files("graphile_migrate", tmp_path) / "committed"
    (folder / "000002-guests-of-a-room.sql").unlink()
    assert fault_of("graphile-migrate", folder) == (
        f"{folder}/000003.sql: follows sha1:fe2db5353cbb09297afcea644c930e7c2077f3c7,"
        " expected sha1:f8a0d3f0395f55fb16db6e46fd729127d7ea2fcd, the hash of the file before it"
    )


def test_file_without_header(tmp_path: Path) -> None:
    """A file that graphile-migrate did not commit is named."""
    folder = copy_files("graphile_migrate", tmp_path) / "committed"
    (folder / "000004.sql").write_text("SELECT 1;\n")
    message = f"{folder}/000004.sql: no header Previous, expected a line '--! Previous: sha1:...'"
    assert fault_of("graphile-migrate", folder) == message


def test_numbers_of_node_pg_migrate(tmp_path: Path) -> None:
    """Files are in the order of their numbers, one of 17 digits being a time, and one without a number says so."""
    for name in ("9_a.sql", "10_b.sql", "20260101090000500_d.sql", "1767258000400_c.sql", "rooms.sql", "README.md"):
        (tmp_path / name).touch()
    files = load_history("node-pg-migrate").list_files(tmp_path)
    assert [file.id for file in files] == ["9_a", "10_b", "1767258000400_c", "20260101090000500_d", "rooms"]
    note = "no number at the start of its name: it is unknown whether and when node-pg-migrate runs it"
    assert [file.note for file in files] == ["", "", "", "", note]
    (tmp_path / "20261301090000500_e.sql").touch()
    message = "20261301090000500 is not a time, expected YYYYMMDDHHMMSS and milliseconds"
    assert fault_of("node-pg-migrate", tmp_path) == f"{tmp_path}/20261301090000500_e.sql: {message}"


def test_schema_that_supabase_wrote(tmp_path: Path) -> None:
    """An old file named init is passed over by Supabase, and says so; a new one is not."""
    for name in ("20210101000000_init.sql", "20260101000000_init.sql"):
        (tmp_path / name).touch()
    note = "named init and older than 20211209000000: Supabase never runs it"
    notes = [file.note for file in load_history("supabase").list_files(tmp_path)]
    assert notes == [note, ""]
