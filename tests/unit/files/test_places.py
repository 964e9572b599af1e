"""The folder as the system has it: missing, empty, linked or not to be read."""

import tempfile
from pathlib import Path

import pytest

from tenantry.files.directory import read_migrations
from tests.builders import write_files
from tests.unit.files.fix_folder import NAME, OK, SHOWN, refuse
from tests.unit.fix_privileges import without_privileges


def test_missing_folder(tmp_path: Path) -> None:
    """A folder that is not there is an error, never an empty list."""
    said = f"{SHOWN}: no such file or directory, expected a directory of migrations"
    assert refuse(tmp_path / "nowhere") == [said]


def test_folder_is_a_file(tmp_path: Path) -> None:
    """A file in place of the folder is an error."""
    write_files(tmp_path, {"tenant": ""})
    assert refuse(tmp_path / "tenant") == [f"{SHOWN}: not a directory, expected a directory of migrations"]


@pytest.mark.parametrize("files", [{}, {"README.md": "nothing yet"}], ids=["empty", "no SQL"])
def test_no_migration(tmp_path: Path, files: dict[str, str]) -> None:
    """A folder without a migration is an error: nothing to apply must never look like success."""
    said = f'{SHOWN}: no migrations, expected files NNNN_name.sql | create the first one with "tenantry new NAME"'
    assert refuse(write_files(tmp_path, files)) == [said]


def test_directory_named_like_a_file(tmp_path: Path) -> None:
    """A directory that is named like a migration is an error."""
    (tmp_path / "0001_a.sql").mkdir()
    (tmp_path / "x.sql").mkdir()
    assert refuse(tmp_path) == [f"{SHOWN}/0001_a.sql: a directory, expected a file", f"{SHOWN}/x.sql: {NAME}"]


def test_link_out_of_the_folder(tmp_path: Path) -> None:
    """A symbolic link to a file elsewhere is an error: the folder is what was reviewed."""
    write_files(tmp_path, {"elsewhere.sql": OK})
    (tmp_path / "tenant").mkdir()
    (tmp_path / "tenant" / "0001_a.sql").symlink_to(tmp_path / "elsewhere.sql")
    assert refuse(tmp_path / "tenant") == [
        f"{SHOWN}/0001_a.sql: a symbolic link that leaves the folder, expected a file in it"
    ]


def test_link_within_the_folder(tmp_path: Path) -> None:
    """A symbolic link within the folder is a file like any other."""
    write_files(tmp_path / "old", {"a.sql": OK})
    (tmp_path / "0001_a.sql").symlink_to("old/a.sql")
    assert [file.sql for file in read_migrations(tmp_path, SHOWN).migrations] == [OK]


def test_linked_folder(tmp_path: Path) -> None:
    """The folder itself may be reached through a symbolic link."""
    write_files(tmp_path / "real", {"0001_a.sql": OK})
    (tmp_path / "tenant").symlink_to("real")
    (tmp_path / "real" / "0002_b.sql").symlink_to("0001_a.sql")
    assert [file.version for file in read_migrations(tmp_path / "tenant", SHOWN).migrations] == [1, 2]


@pytest.mark.parametrize("target", ["nowhere.sql", "0001_a.sql"], ids=["to nothing", "to itself"])
def test_broken_link(tmp_path: Path, target: str) -> None:
    """A symbolic link that leads to no file is an error that names it."""
    (tmp_path / "0001_a.sql").symlink_to(target)
    assert [said.split(":")[0] for said in refuse(tmp_path)] == [f"{SHOWN}/0001_a.sql"]


def test_broken_link_to_a_rollback(tmp_path: Path) -> None:
    """A rollback that leads to no file is an error too: nothing is skipped silently."""
    write_files(tmp_path, {"0001_a.sql": OK})
    (tmp_path / "0001_a.rollback.sql").symlink_to("nowhere.sql")
    assert refuse(tmp_path) == [f"{SHOWN}/0001_a.rollback.sql: no such file or directory"]


@pytest.mark.parametrize("unreadable", ["0001_a.sql", "."], ids=["file", "folder"])
def test_unreadable(unreadable: str) -> None:
    """What may not be read is an error that names it."""
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        folder = write_files(Path(parent) / "tenant", {"0001_a.sql": OK})
        (folder / unreadable).chmod(0)
        with without_privileges():
            said = refuse(folder)
        folder.chmod(0o700)
    expected = {
        "0001_a.sql": f"{SHOWN}/0001_a.sql: permission denied",
        ".": f"{SHOWN}: permission denied, expected a directory of migrations",
    }
    assert said == [expected[unreadable]]
