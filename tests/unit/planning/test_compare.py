"""What is to be done: small tables of exact results, and what holds for all files and rows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.model import AppliedMigration, Directives, Migration, MigrationStatus, Note, Plan, RowState, State
from tenantry.model.checksum import checksum
from tenantry.model.plans import head
from tenantry.planning.compare import compare, excuse
from tenantry.planning.steps import make_plan
from tenantry.planning.words import advise, annotate, explain, summarise
from tests.builders import applied, migration, unhurried

EDITED = "SELECT 2;\n"
BLOCKING = {State.CHANGED, State.MISSING, State.OUT_OF_ORDER, State.INCOMPLETE}

Files = Sequence[Migration]
Rows = Sequence[AppliedMigration]

A, B, C = (migration(f"000{version}_{name}") for version, name in ((1, "a"), (2, "b"), (3, "c")))
DONE_A, DONE_B, DONE_C = (applied(f"000{version}_{name}") for version, name in ((1, "a"), (2, "b"), (3, "c")))
RUNNING_B = applied("0002_b", state=RowState.RUNNING, done=1, statements=3)
FAILED_B = applied("0002_b", state=RowState.FAILED, done=1, statements=3)
EDITED_B = applied("0002_b", EDITED)
UNDONE_A, UNDONE_B, UNDONE_C = (replace(row, state=RowState.ROLLED_BACK) for row in (DONE_A, DONE_B, DONE_C))
REPLACING_B = replace(B, directives=Directives(replaces=(checksum("SELECT 0;\n"), checksum(EDITED))))

PENDING, APPLIED, LATE = State.PENDING, State.APPLIED, State.OUT_OF_ORDER
STATES: dict[str, tuple[Files, Rows, list[tuple[int, State]]]] = {
    "nothing": ([], [], []),
    "new database": ([A, B], [], [(1, PENDING), (2, PENDING)]),
    "up to date": ([A, B], [DONE_A, DONE_B], [(1, APPLIED), (2, APPLIED)]),
    "one pending": ([A, B], [DONE_A], [(1, APPLIED), (2, PENDING)]),
    "version 0": ([migration("0000_z"), A], [], [(0, PENDING), (1, PENDING)]),
    "gap": ([A, C], [DONE_A], [(1, APPLIED), (3, PENDING)]),
    "edited": ([A, B], [DONE_A, EDITED_B], [(1, APPLIED), (2, State.CHANGED)]),
    "renamed": ([migration("0001_other")], [DONE_A], [(1, APPLIED)]),
    "missing": ([A], [DONE_A, DONE_B], [(1, APPLIED), (2, State.MISSING)]),
    "late": ([A, B, C], [DONE_A, DONE_C], [(1, APPLIED), (2, LATE), (3, APPLIED)]),
    "late behind a missing one": ([A], [DONE_B], [(1, LATE), (2, State.MISSING)]),
    "late behind an unfinished one": ([A, B], [RUNNING_B], [(1, LATE), (2, State.INCOMPLETE)]),
    "running": ([A, B], [DONE_A, RUNNING_B], [(1, APPLIED), (2, State.INCOMPLETE)]),
    "failed": ([A, B], [DONE_A, FAILED_B], [(1, APPLIED), (2, State.INCOMPLETE)]),
    "unfinished without file": ([A], [DONE_A, FAILED_B], [(1, APPLIED), (2, State.INCOMPLETE)]),
    "replaced": ([A, REPLACING_B], [DONE_A, EDITED_B], [(1, APPLIED), (2, APPLIED)]),
    "another one replaced": ([REPLACING_B], [applied("0002_b", "SELECT 3;\n")], [(2, State.CHANGED)]),
    "replaced, but unfinished": ([REPLACING_B], [replace(EDITED_B, state=RowState.FAILED)], [(2, State.INCOMPLETE)]),
    "rolled back": ([A, B], [DONE_A, UNDONE_B], [(1, APPLIED), (2, PENDING)]),
    "rolled back, edited since": ([A, migration("0002_b", EDITED)], [DONE_A, UNDONE_B], [(1, APPLIED), (2, PENDING)]),
    "rolled back, its file gone": ([A], [DONE_A, UNDONE_B], [(1, APPLIED)]),
    "rolled back below the newest": ([A, B], [UNDONE_A, DONE_B], [(1, LATE), (2, APPLIED)]),
    "only the newest rolled back": ([A, B, C], [DONE_A, UNDONE_C], [(1, APPLIED), (2, PENDING), (3, PENDING)]),
    "unfinished and edited": (
        [A, migration("0002_b", EDITED)],
        [DONE_A, RUNNING_B],
        [(1, APPLIED), (2, State.INCOMPLETE)],
    ),
}


@pytest.mark.parametrize(("files", "rows", "expected"), STATES.values(), ids=STATES)
def test_compare(files: Files, rows: Rows, expected: list[tuple[int, State]]) -> None:
    """File and row of a version say together what its state is."""
    assert [(status.version, status.state) for status in compare(files, rows)] == expected


def test_compare_keeps_file_and_row() -> None:
    """A status carries the file and the row that it was made from."""
    assert compare([A, B], [DONE_B]) == (
        MigrationStatus(1, LATE, A, None),
        MigrationStatus(2, APPLIED, B, DONE_B),
    )


NOTES: dict[str, tuple[Files, Rows, frozenset[int], list[Note | None], str]] = {
    "applied": ([A], [DONE_A], frozenset({1}), [None], ""),
    "edited": ([B], [EDITED_B], frozenset(), [None], ""),
    "cosmetic": ([A, B], [DONE_A, EDITED_B], frozenset({2}), [None, Note.COSMETIC], "cosmetic edit: 0002_b"),
    "replaced": ([REPLACING_B], [EDITED_B], frozenset(), [Note.REPLACED], "replaces: 0002_b"),
    "replaced, and cosmetic": ([REPLACING_B], [EDITED_B], frozenset({2}), [Note.REPLACED], "replaces: 0002_b"),
    "rolled back": ([B, C], [UNDONE_B, UNDONE_C], frozenset(), [Note.ROLLED_BACK] * 2, "rolled back: 0002_b, 0003_c"),
    "several": (
        [REPLACING_B, C],
        [EDITED_B, UNDONE_C],
        frozenset(),
        [Note.REPLACED, Note.ROLLED_BACK],
        "replaces: 0002_b; rolled back: 0003_c",
    ),
}


@pytest.mark.parametrize(("files", "rows", "cosmetic", "notes", "words"), NOTES.values(), ids=NOTES)
def test_notes(files: Files, rows: Rows, cosmetic: frozenset[int], notes: list[Note | None], words: str) -> None:
    """An edit that changes nothing, one that is declared, and what was rolled back carry a note."""
    statuses = excuse(compare(files, rows), cosmetic=cosmetic)
    assert [status.note for status in statuses] == notes
    assert annotate(statuses) == words


def test_cosmetic_edits_block_nobody() -> None:
    """A version whose edit is cosmetic is applied: no step, no blocker, and the tenant has it."""
    statuses = excuse(compare([A, B], [DONE_A, EDITED_B]), cosmetic={2})
    assert (make_plan(statuses), head(statuses), summarise(statuses)) == (Plan(()), "0002_b", "up to date")


class Case(NamedTuple):
    """Files and rows, what is asked for, and what is to be done."""

    files: Files
    rows: Rows
    steps: Files = ()
    blockers: Sequence[tuple[int, State]] = ()
    target: int | None = None
    allow: frozenset[int] = frozenset()


PLANS = {
    "nothing": Case([], []),
    "new database": Case([A, B, C], [], [A, B, C]),
    "up to date": Case([A], [DONE_A]),
    "pending": Case([A, B, C], [DONE_A], [B, C]),
    "target": Case([A, B, C], [DONE_A], [B], target=2),
    "target that is applied": Case([A, B, C], [DONE_A], target=1),
    "target below everything": Case([A, B], [], target=0),
    "target in a gap": Case([A, C], [], [A], target=2),
    "edited": Case([A, B, C], [DONE_A, EDITED_B], [C], [(2, State.CHANGED)]),
    "edited beyond the target": Case([A, B], [DONE_A, EDITED_B], [], [(2, State.CHANGED)], target=1),
    "missing": Case([A, C], [DONE_A, DONE_B], [C], [(2, State.MISSING)]),
    "unfinished": Case([A, B, C], [DONE_A, FAILED_B], [C], [(2, State.INCOMPLETE)]),
    "late": Case([A, B], [DONE_B], [], [(1, LATE)]),
    "late and allowed": Case([A, B, C], [DONE_B], [A, C], allow=frozenset({1})),
    "late and another one allowed": Case([A, B], [DONE_B], [], [(1, LATE)], allow=frozenset({7})),
    "late, allowed, beyond the target": Case([A, B, C], [DONE_C], [A], target=1, allow=frozenset({1, 2})),
    "edited and allowed": Case([B], [EDITED_B], [], [(2, State.CHANGED)], allow=frozenset({2})),
    "missing and allowed": Case([], [DONE_B], [], [(2, State.MISSING)], allow=frozenset({2})),
    "unfinished and allowed": Case([B], [FAILED_B], [], [(2, State.INCOMPLETE)], allow=frozenset({2})),
    "pending and allowed": Case([A, B], [DONE_A], [B], allow=frozenset({2})),
    "several blockers": Case(
        [A, B, C],
        [EDITED_B, applied("0004_d")],
        [],
        [(1, LATE), (2, State.CHANGED), (3, LATE), (4, State.MISSING)],
    ),
}


@pytest.mark.parametrize("case", PLANS.values(), ids=PLANS)
def test_make_plan(case: Case) -> None:
    """Pending files up to the target are steps; what is not as recorded blocks, unless it is late and allowed."""
    plan = make_plan(compare(case.files, case.rows), target=case.target, allow=case.allow)
    assert plan.steps == tuple(case.steps)
    assert [(status.version, status.state) for status in plan.blockers] == list(case.blockers)


versions = st.integers(0, 8)
texts = st.sampled_from(["SELECT 1;\n", EDITED])
some_files = st.dictionaries(versions, texts).map(
    lambda files: [migration(f"{version:04d}_x", text) for version, text in files.items()]
)
some_rows = st.dictionaries(versions, st.tuples(texts, st.sampled_from(RowState))).map(
    lambda rows: [applied(f"{version:04d}_x", text, state=state) for version, (text, state) in rows.items()]
)
targets = st.none() | versions
some_allowed = st.frozensets(versions)


@unhurried
@given(some_files, some_rows)
def test_every_version_once(files: Files, rows: Rows) -> None:
    """Every version that a file or a row has is in exactly one status, in ascending order; one undone has no row."""
    statuses = compare(files, rows)
    expected = {file.version for file in files} | {row.version for row in kept(rows)}
    assert [status.version for status in statuses] == sorted(expected)
    assert all(status.file or status.row for status in statuses)


@unhurried
@given(some_files, some_rows, st.data())
def test_order_of_the_inputs(files: Files, rows: Rows, data: st.DataObject) -> None:
    """Files and rows may come in any order."""
    shuffled = data.draw(st.permutations(files)), data.draw(st.permutations(rows))
    assert compare(*shuffled) == compare(files, rows)


@unhurried
@given(some_files, some_rows, targets, some_allowed)
def test_nothing_is_passed_over(files: Files, rows: Rows, target: int | None, allow: frozenset[int]) -> None:
    """Each status is applied, a step, a blocker, or beyond the target: exactly one of these."""
    statuses = compare(files, rows)
    plan = make_plan(statuses, target=target, allow=allow)
    steps = {step.version for step in plan.steps}
    blockers = {status.version for status in plan.blockers}
    assert not steps & blockers
    for status in statuses:
        beyond = target is not None and status.version > target
        to_apply = status.state is PENDING or (status.state is LATE and status.version in allow)
        assert (status.version in steps) == (to_apply and not beyond)
        assert (status.version in blockers) == (status.state in BLOCKING and not to_apply)


@unhurried
@given(some_files, some_rows, targets, some_allowed)
def test_steps_are_never_run_twice(files: Files, rows: Rows, target: int | None, allow: frozenset[int]) -> None:
    """No step has a row, but of a version that was rolled back, and steps come in ascending order."""
    steps = [step.version for step in make_plan(compare(files, rows), target=target, allow=allow).steps]
    assert not set(steps) & {row.version for row in kept(rows)}
    assert steps == sorted(steps)


@unhurried
@given(some_files, some_rows, targets, some_allowed)
def test_applying_the_steps(files: Files, rows: Rows, target: int | None, allow: frozenset[int]) -> None:
    """After its steps were applied the same plan has none left, and blocks on what it blocked on before."""
    plan = make_plan(compare(files, rows), target=target, allow=allow)
    after = [*rows, *(record(step) for step in plan.steps)]
    assert not make_plan(compare(files, after), target=target, allow=allow).steps
    if target is None:
        assert PENDING not in {status.state for status in compare(files, after)}
        assert make_plan(compare(files, after), allow=allow).blockers == plan.blockers


@unhurried
@given(some_files, st.data())
def test_any_prefix(files: Files, data: st.DataObject) -> None:
    """A run that was stopped after any step is taken up where it stopped."""
    steps = make_plan(compare(files, [])).steps
    done = data.draw(st.integers(0, len(steps)))
    assert make_plan(compare(files, [record(step) for step in steps[:done]])) == Plan(steps[done:])


def kept(rows: Rows) -> list[AppliedMigration]:
    """Return the rows of versions that were not rolled back."""
    return [row for row in rows if row.state is not RowState.ROLLED_BACK]


def record(step: Migration) -> AppliedMigration:
    """Return the row that is written when a step was applied."""
    return applied(f"{step.version:04d}_{step.name}", step.text)


HEADS: dict[str, tuple[Files, Rows, str]] = {
    "nothing recorded": ([A], [], ""),
    "newest": ([A, B, C], [DONE_A, DONE_B], "0002_b"),
    "its file is gone": ([A], [DONE_A, DONE_B], "0002_b"),
    "unfinished ones do not count": ([A, B], [DONE_A, RUNNING_B], "0001_a"),
    "renamed": ([migration("0001_other")], [DONE_A], "0001_other"),
    "beyond four digits": ([migration("12345_a")], [applied("12345_a")], "12345_a"),
}


@pytest.mark.parametrize(("files", "rows", "expected"), HEADS.values(), ids=HEADS)
def test_head(files: Files, rows: Rows, expected: str) -> None:
    """The version of a tenant is the newest one that is recorded as applied."""
    assert head(compare(files, rows)) == expected


SUMMARIES: dict[str, tuple[Files, Rows, str]] = {
    "nothing at all": ([], [], "up to date"),
    "up to date": ([A], [DONE_A], "up to date"),
    "pending": ([A, B, C], [DONE_A], "pending"),
    "blocked and pending": ([A, B, C], [DONE_A, EDITED_B], "changed: 0002_b"),
    "two of one kind": ([A, B, C], [DONE_C], "out of order: 0001_a, 0002_b"),
    "all kinds": (
        [A, B, migration("0003_c", EDITED)],
        [RUNNING_B, DONE_C, applied("0004_d")],
        "incomplete: 0002_b; changed: 0003_c; missing: 0004_d; out of order: 0001_a",
    ),
}


@pytest.mark.parametrize(("files", "rows", "expected"), SUMMARIES.values(), ids=SUMMARIES)
def test_summarise(files: Files, rows: Rows, expected: str) -> None:
    """A tenant's state in words names every version that blocks it, what is gravest first."""
    assert summarise(compare(files, rows)) == expected


EXPLAINED: dict[str, tuple[Files, Rows, str, str]] = {
    "changed": (
        [B],
        [EDITED_B],
        f"0002_b: edited after it was applied, expected {checksum(EDITED)}, found {B.checksum}",
        "undo the edit and move it to a new file; or run "
        '"tenantry accept 2 --tenants 16 --reason ..." if the database already matches the edited file; or add the '
        f'line "-- replaces: {checksum(EDITED)}" at the top of the file to accept the edit for every tenant that ran '
        "that text",
    ),
    "missing": (
        [],
        [DONE_B],
        "0002_b: applied to this database, but the file is gone",
        'restore the file ("tenantry log --version 2 --sql --tenants=16" prints its text); or run '
        '"tenantry forget 2 --tenants 16 --reason ..." if its effects have been undone',
    ),
    "out of order": (
        [B],
        [DONE_C],
        "0002_b: not applied, although newer migrations are: the file arrived late",
        "give the file the next free number if no database has it yet; or run "
        '"tenantry migrate --tenants 16 --out-of-order 2" if it can run after the newer ones',
    ),
    "running": (
        [B],
        [RUNNING_B],
        "0002_b: not finished, 1 of 3 statements done",
        'inspect the database, finish or undo the file by hand, then run "tenantry mark 2 --tenants 16 --reason ..." '
        'if it is finished, or "tenantry forget 2 --tenants 16 --reason ..." if it is to run again',
    ),
    "pending": ([B], [], "0002_b: pending", ""),
    "applied": ([B], [DONE_B], "0002_b: applied", ""),
}


@pytest.mark.parametrize(("files", "rows", "message", "hint"), EXPLAINED.values(), ids=EXPLAINED)
def test_explain_and_advise(files: Files, rows: Rows, message: str, hint: str) -> None:
    """What is wrong with a version names file and row, and the advice can be typed as it stands."""
    status = next(status for status in compare(files, rows) if status.version == 2)
    assert (explain(status), advise(status, "16")) == (message, hint)
