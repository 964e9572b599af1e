"""The folder of repeatables: what is read of it, in what order, and that nothing in it is skipped silently."""

from collections.abc import Mapping
from itertools import permutations
from pathlib import Path

import pytest

from tenantry.files.directory import Directory
from tenantry.files.repeatables import FOLDER, read_directory
from tenantry.model import NO_VERSION, label
from tenantry.model.checksum import checksum
from tenantry.model.errors import MigrationFileError
from tenantry.planning.words import add_repeatables
from tests.builders import write_files

SHOWN = "migrations/tenant"
HOME = f"{SHOWN}/{FOLDER}"
OK = "SELECT 1;\n"
NAME = (
    "not a repeatable file name, expected name.sql with only digits, a-z and _ | "
    "rename it, or move it out of the folder: no SQL file in it is skipped silently"
)


def read(folder: Path, files: Mapping[str, str | bytes]) -> Directory:
    """Write one migration and these repeatables, and read both."""
    write_files(folder, {"0001_rooms.sql": OK})
    write_files(folder / FOLDER, files)
    return read_directory(folder, SHOWN)


def refuse(folder: Path, files: Mapping[str, str | bytes]) -> list[str]:
    """Return what is said of repeatables that are expected to be wrong, each hint behind a bar."""
    with pytest.raises(MigrationFileError) as caught:
        read(folder, files)
    return [f"{p.message} | {p.hint}" if p.hint else p.message for p in caught.value.problems]


def test_value(tmp_path: Path) -> None:
    """A repeatable is a file without a version, with its name, its checksum, and what its header asks for."""
    text = "-- lock-timeout: 5s\r\nBEGIN;\r\nSELECT 1;\r\nCOMMIT;\r\n"
    directory = read(tmp_path, {"totals.sql": text})
    assert directory.repeatables is not None
    (totals,) = directory.repeatables
    plain = text.replace("\r\n", "\n")
    assert (totals.version, totals.name, totals.path) == (NO_VERSION, "totals", f"{HOME}/totals.sql")
    assert (totals.checksum, totals.text) == (checksum(plain), plain)
    assert "BEGIN" not in totals.sql
    assert (totals.transactional, totals.directives.lock_timeout_ms) == (True, 5_000)
    assert label(totals.version, totals.name) == "repeatable/totals"
    assert [file.version for file in directory.migrations] == [1]


def test_no_folder(tmp_path: Path) -> None:
    """Without a folder there are none and nobody asks; an empty folder has none, and asks what is recorded."""
    write_files(tmp_path, {"0001_rooms.sql": OK})
    assert read_directory(tmp_path, SHOWN).repeatables is None
    assert read(tmp_path, {"notes.md": "", "totals.sql.bak": ""}).repeatables == ()


ORDERS: dict[str, tuple[dict[str, str], list[str]]] = {
    "by name": ({"b": "", "a": "", "c": ""}, ["a", "b", "c"]),
    "one behind another": ({"a": "b", "b": "", "c": ""}, ["b", "a", "c"]),
    "a chain": ({"a": "b", "b": "c", "c": ""}, ["c", "b", "a"]),
    "behind two": ({"a": "c b", "b": "", "c": ""}, ["b", "c", "a"]),
    "a diamond": ({"a": "b c", "b": "d", "c": "d", "d": ""}, ["d", "b", "c", "a"]),
}


@pytest.mark.parametrize(("depends", "expected"), ORDERS.values(), ids=ORDERS)
def test_order(tmp_path: Path, depends: dict[str, str], expected: list[str]) -> None:
    """They run in the order of their names, but each behind all that it depends on, however they were written."""
    for index, names in enumerate(permutations(depends)):
        files = {f"{name}.sql": f"-- depends: {depends[name]}\n{OK}" for name in names}
        assert [file.name for file in read(tmp_path / str(index), files).repeatables or ()] == expected


def test_circle(tmp_path: Path) -> None:
    """Those that depend on each other are named, and nobody else is."""
    files = {"a.sql": f"-- depends: b\n{OK}", "b.sql": f"-- depends: c\n{OK}", "c.sql": f"-- depends: b\n{OK}"}
    assert refuse(tmp_path, files) == [f"{HOME}: repeatables depend on each other in a circle: b, c"]


REFUSED = {
    "upper case": ({"Totals.sql": OK}, f"{HOME}/Totals.sql: {NAME}"),
    "a hyphen": ({"room-totals.sql": OK}, f"{HOME}/room-totals.sql: {NAME}"),
    "another ending": ({"totals.SQL": OK}, f"{HOME}/totals.SQL: {NAME}"),
    "a rollback": ({"totals.rollback.sql": OK}, f"{HOME}/totals.rollback.sql: {NAME}"),
    "outside a transaction": (
        {"totals.sql": "-- transactional: false\nVACUUM;\n"},
        f"{HOME}/totals.sql: outside a transaction, expected a repeatable to run in one | "
        'delete "-- transactional: false", and move statements that cannot run in a transaction into a migration',
    ),
    "replaces": (
        {"totals.sql": f"-- replaces: sha256:{'0' * 64}\n{OK}"},
        f"{HOME}/totals.sql: header key 'replaces': no effect in a repeatable, expected no such key | "
        "delete the line: a repeatable runs again after every edit",
    ),
    "an unknown dependency": (
        {"totals.sql": f"-- depends: rooms\n{OK}"},
        f"{HOME}/totals.sql: depends on 'rooms', which is not a repeatable in this folder"
        " | name another repeatable, without .sql",
    ),
    "a dependency that is nearly right": (
        {"totals.sql": OK, "sums.sql": f"-- depends: total\n{OK}"},
        f"{HOME}/sums.sql: depends on 'total', which is not a repeatable in this folder | did you mean \"totals\"?",
    ),
    "a migration as dependency": (
        {"totals.sql": f"-- depends: 0001_rooms\n{OK}"},
        f"{HOME}/totals.sql: depends on '0001_rooms', which is not a repeatable in this folder | "
        "name another repeatable, without .sql",
    ),
    "empty": (
        {"totals.sql": ""},
        f"{HOME}/totals.sql: empty, expected SQL | write only comments to record a deliberate no-op",
    ),
    "a psql command": (
        {"totals.sql": "\\i rooms\n"},
        f"{HOME}/totals.sql:1:1: \\i is a psql command, not SQL\n1 | \\i rooms\n  | ^ | "
        "write the same in SQL: only psql has commands that start with a backslash",
    ),
}


@pytest.mark.parametrize(("files", "expected"), REFUSED.values(), ids=REFUSED)
def test_refused(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    """What is no repeatable is an error that names it: nothing in the folder is skipped."""
    assert refuse(tmp_path, files) == [expected]


def test_sub_folder(tmp_path: Path) -> None:
    """SQL in a sub-folder is an error."""
    write_files(tmp_path / FOLDER / "old", {"totals.sql": OK})
    assert refuse(tmp_path, {}) == [
        f"{HOME}/old/totals.sql: in a subfolder, expected SQL files only in the folder itself | "
        "move it into repeatable itself, or out of it: no SQL file in it is skipped silently"
    ]


def test_link_out(tmp_path: Path) -> None:
    """A link out of the folder is an error."""
    write_files(tmp_path, {"0002_elsewhere.sql": OK})
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "totals.sql").symlink_to(tmp_path / "0002_elsewhere.sql")
    assert refuse(tmp_path, {}) == [f"{HOME}/totals.sql: a symbolic link that leaves the folder, expected a file in it"]


def test_all_faults_at_once(tmp_path: Path) -> None:
    """What is wrong with migrations and with repeatables is told in one go."""
    write_files(tmp_path, {"bad.sql": OK})
    said = refuse(tmp_path, {"Bad.sql": OK, "a.sql": f"-- depends: b\n{OK}", "c.sql": f"-- depends: Bad\n{OK}"})
    assert [line.split(":", 1)[0] for line in said] == [f"{SHOWN}/bad.sql", f"{HOME}/Bad.sql", f"{HOME}/a.sql"]


STATES = {
    ("up to date", 0): "up to date",
    ("up to date", 1): "1 repeatable pending",
    ("up to date", 2): "2 repeatables pending",
    ("pending", 2): "pending; 2 repeatables pending",
    ("changed: 0001_rooms", 1): "changed: 0001_rooms; 1 repeatable pending",
}


@pytest.mark.parametrize(("given", "expected"), STATES.items(), ids=str)
def test_state(given: tuple[str, int], expected: str) -> None:
    """A tenant's state says how many repeatables are pending beside its migrations."""
    assert add_repeatables(*given) == expected
