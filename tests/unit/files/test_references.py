"""Files that refer to others: what they depend on, and the rollbacks that belong to them."""

from pathlib import Path

import pytest

from tests.builders import write_files
from tests.unit.files.fix_folder import OK, SHOWN, read, refuse

CONTROL = "is transaction control, which only tenantry may use"
REMOVE = "remove it: the whole file runs in one transaction"
PSQL = "write the same in SQL: only psql has commands that start with a backslash"
NO_OP = "write only comments to record a deliberate no-op"
DEPENDS = {
    "unknown": (
        {"0001_rooms.sql": OK, "0002_b.sql": "-- depends: 0001_room\nSELECT 1;"},
        [
            f"{SHOWN}/0002_b.sql: depends on '0001_room', which is not a file in this folder"
            f' | did you mean "0001_rooms"?'
        ],
    ),
    "unlike any other": (
        {"0001_rooms.sql": OK, "0002_b.sql": "-- depends: zzz\nSELECT 1;"},
        [
            f"{SHOWN}/0002_b.sql: depends on 'zzz', which is not a file in this folder"
            " | name an earlier file, without .sql"
        ],
    ),
    "later": (
        {"0001_a.sql": "-- depends: 0002_b\nSELECT 1;", "0002_b.sql": OK},
        [
            f"{SHOWN}/0001_a.sql: depends on 0002_b, which runs later | "
            "renumber one of the two: depends must name an earlier file"
        ],
    ),
    "circle": (
        {"0001_a.sql": "-- depends: 0002_b\nSELECT 1;", "0002_b.sql": "-- depends: 0001_a\nSELECT 1;"},
        [f"{SHOWN}: files depend on each other in a circle: 0001_a, 0002_b"],
    ),
    "faulty": (
        {"0001_a.sql": "", "0002_b.sql": "-- depends: 0001_a\nSELECT 1;"},
        [f"{SHOWN}/0001_a.sql: empty, expected SQL | {NO_OP}"],
    ),
}


@pytest.mark.parametrize(("files", "expected"), DEPENDS.values(), ids=DEPENDS)
def test_wrong_depends(tmp_path: Path, files: dict[str, str], expected: list[str]) -> None:
    """A file can depend on earlier files of its folder alone, and only what is wrong is said."""
    assert refuse(write_files(tmp_path, files)) == expected


def test_depends(tmp_path: Path) -> None:
    """Dependencies become versions, in the order in which they are written."""
    text = "-- depends: 2_b 0001_a\nSELECT 1;"
    *_, last = read(tmp_path, {"0001_a.sql": OK, "2_b.sql": OK, "0003_c.sql": text}).migrations
    assert last.depends == (2, 1)


ROLLBACKS = {
    "orphaned": (
        {"0001_a.sql": OK, "0002_b.rollback.sql": OK},
        ["0002_b.rollback.sql: no migration 0002_b.sql next to it | rename it to match, or delete it"],
    ),
    "empty": (
        {"0001_a.sql": OK, "0001_a.rollback.sql": " "},
        [f"0001_a.rollback.sql: empty, expected SQL | {NO_OP}"],
    ),
    "not UTF-8": (
        {"0001_a.sql": OK, "0001_a.rollback.sql": b"\xff"},
        ["0001_a.rollback.sql:1: not UTF-8 (byte 0xff) | save it as UTF-8"],
    ),
    "transaction control": (
        {"0001_a.sql": OK, "0001_a.rollback.sql": "ROLLBACK;"},
        [f"0001_a.rollback.sql:1:1: ROLLBACK {CONTROL}\n1 | ROLLBACK;\n  | ^ | {REMOVE}"],
    ),
    "psql": (
        {"0001_a.sql": OK, "0001_a.rollback.sql": "\\i a.sql"},
        [f"0001_a.rollback.sql:1:1: \\i is a psql command, not SQL\n1 | \\i a.sql\n  | ^ | {PSQL}"],
    ),
    "header": (
        {"0001_a.sql": OK, "0001_a.rollback.sql": f"-- lock-timeout: soon\n{OK}"},
        [
            "0001_a.rollback.sql:1: header key 'lock-timeout': 'soon' is not a valid value, expected a time such as"
            " 500ms, 5s or 10min"
        ],
    ),
}


def test_a_rollback_of_its_own(tmp_path: Path) -> None:
    """A rollback may run in another way than its file, and what is doubtful in it is a warning."""
    files = {
        "0001_a.sql": "-- transactional: false\nVACUUM;\n",
        "0001_a.rollback.sql": f"BEGIN;\n{OK}COMMIT;\n",
        "0002_b.sql": OK,
        "0002_b.rollback.sql": "-- transactional: false\nVACUUM;\n",
        "0003_c.sql": OK,
        "0003_c.rollback.sql": "-- parse: server\nREPACK t;\n",
    }
    directory = read(tmp_path, files)
    assert [one.rollback for one in directory.migrations] == [
        files[f"000{n}.rollback.sql"] for n in ("1_a", "2_b", "3_c")
    ]
    assert [warning.message.split(":")[:2] for warning in directory.warnings] == [[f"{SHOWN}/0003_c.rollback.sql", "2"]]


@pytest.mark.parametrize(("files", "expected"), ROLLBACKS.values(), ids=ROLLBACKS)
def test_wrong_rollback(tmp_path: Path, files: dict[str, str | bytes], expected: list[str]) -> None:
    """A rollback belongs to the migration of the same name, and has to be readable as that has."""
    assert refuse(write_files(tmp_path, files)) == [f"{SHOWN}/{said}" for said in expected]
