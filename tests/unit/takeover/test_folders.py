"""Whole folders, as the other tools write them, become exactly the files that are kept beside them."""

from pathlib import Path

import pytest

from tenantry.files.directory import read_migrations
from tenantry.model.errors import InputError
from tenantry.takeover.files.conversions import CONVERSIONS, Converted, load_conversion, parse_source, write_files
from tenantry.takeover.records.histories import load_history
from tests.builders import write_files as write_given
from tests.places import TESTS

DATA = TESTS / "data" / "conversion"
TOOLS = sorted(CONVERSIONS)
BARRED = "CONCURRENTLY cannot run inside a transaction: marked -- transactional: false"

NOTES = {
    "dbmate": [],
    "drizzle": [
        "0002_search.sql: its time in the journal, 1772528450000, is not after 1772528500000 of 0001_add-room-rates:"
        " drizzle never runs it if 0001_add-room-rates ran first",
        f"0002_search.sql:1: CREATE INDEX {BARRED}",
    ],
    "flyway": [],
    "golang-migrate": [
        f"000002_index_rooms.up.sql:1: CREATE INDEX {BARRED}",
        f"000002_index_rooms.down.sql:1: DROP INDEX {BARRED}",
    ],
    "goose": [],
    "prisma": ["20260305090000_nothing/migration.sql: contains no SQL, so the converted file does nothing"],
    "sqitch": [
        'deploy/rooms@v1.sql: the plan says "Rooms of the studio."',
        "verify/rooms@v1.sql: not converted, rewrite it as a check:\n-- Verify studio:rooms on pg\n\n"
        "BEGIN;\n\nSELECT id FROM rooms WHERE false;\n\nROLLBACK;",
        'deploy/users/sessions.sql: the plan says "Sessions in a room."',
        "deploy/users/sessions.sql: followed by the tag @v1",
        'deploy/users/sessions.sql: the plan says "First"',
        'deploy/rooms.sql: the plan says "Rooms have names."',
        "deploy/rooms.sql: has no BEGIN and COMMIT, but will run in one transaction",
        "verify/rooms.sql: not converted, rewrite it as a check:\n-- Verify studio:rooms on pg\n\n"
        "BEGIN;\n\nSELECT name FROM rooms WHERE false;\n\nROLLBACK;",
    ],
}


def get_data(tool: str) -> Path:
    return DATA / tool.replace("-", "_")


def convert(tool: str) -> tuple[Converted, ...]:
    return load_conversion(tool)(get_data(tool) / "files")


def read_all(folder: Path) -> dict[str, str]:
    """Return all files of a folder by name."""
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("tool", TOOLS)
def test_files(tool: str, tmp_path: Path) -> None:
    """A folder becomes the expected files, and what they cannot say is noted."""
    converted = convert(tool)
    paths = write_files(converted, tmp_path / "new", 4)
    assert read_all(tmp_path / "new") == read_all(get_data(tool) / "expected")
    assert sorted(paths) == sorted((tmp_path / "new").iterdir())
    prefix = f"{(get_data(tool) / 'files').as_posix()}/"
    assert [note.removeprefix(prefix) for one in converted for note in one.notes] == NOTES[tool]


@pytest.mark.parametrize("tool", TOOLS)
def test_readable(tool: str, tmp_path: Path) -> None:
    """What is written is a folder of migrations without a doubt about any, and each says where it came from."""
    converted = convert(tool)
    write_files(converted, tmp_path, 4)
    found = read_migrations(tmp_path, "new")
    assert found.warnings == ()
    assert [file.version for file in found.migrations] == list(range(4, 4 + len(converted)))
    for file, one in zip(found.migrations, converted, strict=True):
        assert (file.name, file.text, file.rollback) == (one.name, one.text, one.rollback)
        assert (file.transactional, file.depends) == (one.transactional, ())
        for text in (one.text, one.rollback or one.text):
            assert parse_source(text) == tuple(one.source.split(" ", 1))


@pytest.mark.parametrize("tool", TOOLS)
def test_ids(tool: str) -> None:
    """A converted file names its migration as the tool's records do."""
    ids = [file.id for file in load_history(tool).list_files(get_data(tool) / "files")]
    assert [one.source for one in convert(tool)] == [f"{tool} {name}" for name in ids]


def test_no_source() -> None:
    """A file that was not converted names no tool."""
    assert parse_source("-- Rooms.\n-- source: goose 1\nSELECT 1;\n") is None


def test_taken(tmp_path: Path) -> None:
    """Where a version is taken, nothing is written."""
    write_given(tmp_path, {"0003_a.sql": "SELECT 1;\n", "5_b.sql": "SELECT 1;\n", "0007_c.sql": "SELECT 1;\n"})
    with pytest.raises(InputError) as caught:
        write_files(convert("goose"), tmp_path, 4)
    (problem,) = caught.value.problems
    assert problem.message == f"{tmp_path}/5_b.sql: version 5 is taken, expected it to be free for a converted file"
    assert problem.hint == "start above the highest version in the folder, or convert into an empty folder"
    assert len(list(tmp_path.iterdir())) == 3


def test_write_fails(tmp_path: Path) -> None:
    """Where a file cannot be written, those before it are gone again."""
    converted = convert("goose")
    long = Converted("goose 99", "x" * 300, "SELECT 1;\n", None, True)
    with pytest.raises(InputError) as caught:
        write_files((*converted, long), tmp_path / "new", 1)
    assert str(caught.value) == f"{tmp_path}/new: file name too long, expected a writable folder"
    assert list((tmp_path / "new").iterdir()) == []


def test_newer_drizzle(tmp_path: Path) -> None:
    """Folders of drizzle 1.x are named by their whole name in the source, and without the time in ours."""
    (tmp_path / "20260303090000_roomRates").mkdir()
    write_given(tmp_path / "20260303090000_roomRates", {"migration.sql": "SELECT 1", "snapshot.json": "{}"})
    (one,) = load_conversion("drizzle")(tmp_path)
    text = "-- source: drizzle 20260303090000_roomRates\n\nSELECT 1;\n"
    assert one == Converted("drizzle 20260303090000_roomRates", "room_rates", text, None, True)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("add-room rates", "add_room_rates"),
        ("AddRoomRates", "add_room_rates"),
        ("Größe/Änderung", "groe_anderung"),
        ("__a__", "a"),
        ("部屋", "migration"),
        ("", "migration"),
    ],
)
def test_name(title: str, name: str, tmp_path: Path) -> None:
    """A title becomes a name of a-z, 0-9 and _, whatever it holds."""
    folder = title.replace("/", "-")
    write_given(tmp_path / f"20260303090000_{folder}", {"migration.sql": "SELECT 1;\n"})
    (one,) = load_conversion("prisma")(tmp_path)
    assert one.name == name
