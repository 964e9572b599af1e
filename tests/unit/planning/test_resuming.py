"""Whether a file that was begun can go on: what is done of it must stand in it as it was, and nothing else."""

from dataclasses import replace

import pytest

from tenantry.model import Batch, Directives, Migration, MigrationStatus, Plan, Progress, RowState, State
from tenantry.model.checksum import hash_prefix
from tenantry.planning.compare import compare
from tenantry.planning.steps import can_resume, make_plan
from tenantry.planning.words import advise, explain
from tests.builders import applied, migration

TEXT = "-- transactional: false\nSELECT 1;\nSELECT 2;\nSELECT 3;\n"
DONE = Progress(hash_prefix(["SELECT 1"]))


def begin(file: Migration | None, progress: Progress | None = DONE, *, done: int = 1) -> MigrationStatus:
    """Return the status of a file of which so many of three statements are done."""
    row = replace(applied("0002_b", TEXT, state=RowState.FAILED, done=done, statements=3), progress=progress)
    (status,) = compare([file] if file else [], [row])
    return status


def write(text: str, *, transactional: bool = False) -> Migration:
    """Return the file with this text."""
    return migration("0002_b", text, transactional=transactional)


# What the file says now, and what is wrong with that; nothing: it can go on.
FILES = {
    "as it was": (write(TEXT), ""),
    "the rest edited": (write(TEXT.replace("2", "20").replace("3;", "3; SELECT 4")), ""),
    "the rest gone": (write("SELECT 1"), ""),
    "other comments": (write("-- transactional: false\n-- why\n /* so */ SELECT 1 ;;\n\n-- and\nSELECT 2"), ""),
    "what is done edited": (write(TEXT.replace("1", "10")), ", but edited since"),
    "white space within edited": (write(TEXT.replace("SELECT 1", "SELECT  1")), ", but edited since"),
    "one put in front": (write(f"SELECT 0; {TEXT}"), ", but edited since"),
    "empty": (write("-- nothing"), ", but edited since"),
    "transactional": (write(TEXT, transactional=True), ", but the file is now transactional"),
    "gone": (None, ", but the file is gone"),
}


@pytest.mark.parametrize(("file", "why"), FILES.values(), ids=FILES)
def test_files(file: Migration | None, why: str) -> None:
    """A file goes on exactly where what is done stands in it as it was; else it blocks, with the reason."""
    status = begin(file)
    assert can_resume(status) is (not why)
    assert make_plan([status]) == (Plan((), (status,)) if why or not file else Plan((file,)))
    assert explain(status) == f"0002_b: not finished, 1 of 3 statements done{why}"


def test_nothing_known() -> None:
    """A row that does not say what is done blocks: an earlier version of tenantry wrote it."""
    assert not can_resume(begin(write(TEXT), None))


def test_nothing_done() -> None:
    """Of a file of which nothing is done everything may be edited."""
    assert can_resume(begin(write("SELECT 9"), Progress(hash_prefix([])), done=0))


def test_batches() -> None:
    """A change of which batches are done goes on in batches alone: whole, it would change their rows once more."""
    half = Progress(hash_prefix([]), rows=600)
    batches = replace(write("SELECT 1"), directives=Directives(batch=Batch(100)))
    assert can_resume(begin(batches, half, done=0))
    status = begin(write("SELECT 1"), half, done=0)
    assert make_plan([status]) == Plan((), (status,))
    assert explain(status) == "0002_b: not finished, 600 rows done, but the file no longer runs in batches"
    assert advise(status, "16").startswith('restore its line "-- batch: ..."; or finish or undo the file by hand')


def test_beyond_the_target() -> None:
    """What is begun blocks a run that does not go as far: its schema would be neither the one nor the other."""
    status = begin(write(TEXT))
    assert make_plan([status], target=1) == Plan((), (status,))
    assert status.state is State.INCOMPLETE


def test_advice() -> None:
    """The advice is to run again, where that is all that is needed."""
    assert advise(begin(write(TEXT)), "16") == 'run "tenantry migrate --tenants 16" to resume it'


@pytest.mark.parametrize(("first", "second"), [(["a", "b"], ["ab"]), (["a"], ["a", ""]), ([], [""])])
def test_prefixes_differ(first: list[str], second: list[str]) -> None:
    """Statements that are cut otherwise have another hash."""
    assert hash_prefix(first) != hash_prefix(second)
