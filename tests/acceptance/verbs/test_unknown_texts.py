"""Nothing that a tenant's ledger holds is run: texts come from git or the state folder, or the tenant is refused."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.fix_command import Fleet, MakeFleet

ROOMS = "CREATE TABLE rooms (id integer PRIMARY KEY);\n"
NOTES = "CREATE TABLE notes (id integer);\n"
VIEW = "CREATE OR REPLACE VIEW room_count AS SELECT count(*) AS rooms FROM rooms;\n"
NAMES = ("0001_rooms", "0002_notes", "repeatable/room_count")
UNKNOWN = "is not known: it is neither in git history nor in .tenantry/texts, and a tenant's own record is not run"


@pytest.fixture
def one(fleet: MakeFleet) -> Fleet:
    """Return a tenant with two files and a repeatable, all applied."""
    one = fleet(tenants=["1"], files={"0001_rooms.sql": ROOMS, "0002_notes.sql": NOTES})
    (one.folder / "migrations" / "tenant" / "repeatable").mkdir()
    one.write("repeatable/room_count.sql", VIEW)
    assert one.run("migrate").code == 0
    return one


@pytest.fixture
def canary() -> Iterator[Path]:
    """Return a path at which a file is created as soon as a forged text runs on a server of this machine."""
    # Not in the folder of the tests, which is closed to the user that the server runs as.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder) / "sung"


def evil(canary: Path) -> str:
    return f"COPY (SELECT 1) TO PROGRAM 'cat > {canary}';"


def forge(one: Fleet, canary: Path, where: str, table: str = "_migrations", checksum: str = "f") -> None:
    text = evil(canary).replace("'", "''")
    digits = checksum * 64
    one.query("1", f"UPDATE {table} SET checksum = 'sha256:{digits}', sql_text = sql_text || '{text}' WHERE {where}")


def texts_of(one: Fleet) -> Path:
    return Path(one.environment["TENANTRY_CACHE"]) / "texts"


def forget_texts(one: Fleet) -> None:
    shutil.rmtree(texts_of(one))


def run_git(one: Fleet, *arguments: str) -> None:
    settings = ("-c", "user.name=tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *settings, *arguments], cwd=one.folder, check=True, capture_output=True)


def test_canary(one: Fleet, canary: Path) -> None:
    """The forged text does what it says where it is run: the other tests prove something."""
    one.query("1", evil(canary))
    assert canary.exists()


@pytest.mark.parametrize("verb", ["verify", "drift"])
def test_forged_row(one: Fleet, canary: Path, verb: str) -> None:
    """A row with a checksum and a text of its own is refused, with what to do, and its text is not run."""
    forge(one, canary, "version = 1")
    done = one.run(verb)
    assert done.code == 4
    assert f"the text that was applied as 0001_rooms {UNKNOWN}" in done.out
    assert "hint: restore the file as it was applied, or commit that text to git\n" in done.out
    assert not canary.exists()


@pytest.mark.parametrize("verb", ["verify", "drift"])
def test_forged_row_without_file(one: Fleet, canary: Path, verb: str) -> None:
    """A row that somebody added for a version without a file is refused as well."""
    changed = 'to_jsonb(row) || \'{"version": 9, "name": "more"}\''
    one.query(
        "1",
        f"INSERT INTO _migrations SELECT added.* FROM _migrations AS row,"
        f" jsonb_populate_record(row, {changed}) AS added WHERE row.version = 2",
    )
    forge(one, canary, "version = 9")
    done = one.run(verb)
    assert (done.code, f"applied as 0009_more {UNKNOWN}" in done.out, canary.exists()) == (4, True, False)


def test_forged_repeatable(one: Fleet, canary: Path) -> None:
    """The record of a repeatable is not run either, by what reads nor after a migration."""
    forge(one, canary, "name = 'room_count'", "_migrations_repeatable")
    for verb in ("verify", "drift"):
        done = one.run(verb)
        assert (done.code, f"applied as repeatable/room_count {UNKNOWN}" in done.out) == (4, True)
    one.write("0003_more.sql", "CREATE TABLE more (id integer);\n")
    done = one.run("migrate", "--to", "3")
    assert (done.code, "not proven: the text that was applied as repeatable/room_count" in done.out) == (1, True)
    assert not canary.exists()
    assert one.run("migrate").code == 0


def test_text_with_the_checksum_left(one: Fleet, canary: Path) -> None:
    """A text that was changed below its checksum is not run: what has that checksum is."""
    text = evil(canary).replace("'", "''")
    one.query("1", f"UPDATE _migrations SET sql_text = '{text}'")
    one.query("1", f"UPDATE _migrations_repeatable SET sql_text = '{text}'")
    done = one.run("verify")
    said = [f"{name}: its recorded text does not have its recorded checksum\n" in done.out for name in NAMES]
    assert (done.code, said) == (1, [True] * 3)
    printed = one.run("log", "--version", "1", "--sql")
    assert (printed.code, "0001_rooms: the recorded text does not have the recorded" in printed.out) == (4, True)
    one.write("0001_rooms.sql", f"{ROOMS}SELECT 1;\n")
    edited = one.run("verify")
    assert "the recorded text does not have the recorded checksum, so it is not compared with the file" in edited.out
    assert (edited.code, one.run("drift").code, canary.exists()) == (1, 0, False)
    assert "COPY" not in done.out + printed.out + edited.out


def test_kept_text(one: Fleet) -> None:
    """Files that were edited or deleted are known from the state folder, where they are kept when they run."""
    one.write("0001_rooms.sql", "CREATE TABLE rooms (id bigint PRIMARY KEY);\n")
    one.remove("0002_notes.sql")
    one.write("repeatable/room_count.sql", f"{VIEW}SELECT 1;\n")
    assert one.run("drift").code == 0
    assert one.run("verify").code == 1
    forget_texts(one)
    assert (one.run("drift").code, one.run("verify").code) == (4, 4)


def test_text_in_git(one: Fleet) -> None:
    """Files that were edited or deleted are known from the history of the checkout."""
    run_git(one, "init")
    run_git(one, "add", "migrations")
    run_git(one, "commit", "-m", "as applied")
    one.write("0001_rooms.sql", "CREATE TABLE rooms (id bigint PRIMARY KEY);\n")
    one.remove("0002_notes.sql")
    one.write("repeatable/room_count.sql", f"{VIEW}SELECT 1;\n")
    forget_texts(one)
    assert one.run("drift").code == 0
    assert one.run("verify").code == 1


def test_cosmetic_edit(one: Fleet) -> None:
    """A file in which only a comment changed stands for the text that ran: nothing has to be looked for."""
    one.write("0001_rooms.sql", f"-- Rooms.\n{ROOMS}")
    forget_texts(one)
    assert (one.run("verify").code, one.run("drift").code) == (0, 0)


@pytest.mark.parametrize(("args", "version"), [(("accept", "1"), 1), (("mark", "3"), 3)], ids=["accept", "mark"])
def test_recorded_by_hand(one: Fleet, args: tuple[str, ...], version: int) -> None:
    """A text that is recorded without being run is kept as well."""
    one.write("0003_more.sql", "CREATE TABLE more (id integer);\n")
    one.write("0001_rooms.sql", f"{ROOMS}SELECT 1;\n")
    forget_texts(one)
    one.query("1", "CREATE TABLE more (id integer)")
    assert one.run(*args, "--tenants", "1", "--reason", "done by hand").code == 0
    kept = {path.read_text("utf-8") for path in texts_of(one).iterdir()}
    assert kept == {one.query("1", f"SELECT sql_text FROM _migrations WHERE version = {version}")[0][0]}
