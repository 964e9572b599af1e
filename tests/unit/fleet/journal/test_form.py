"""The form of a journal: what is written is what a report gets again, and damage is named."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tenantry.fleet.journal.form import (
    Journal,
    JournalError,
    JournalHeader,
    compose_header,
    compose_line,
    parse_header,
    parse_journal,
    replay,
)
from tenantry.model.events import Event, RunFinished, RunStarted, TenantFinished, TenantStarted, Verdict
from tenantry.model.migrations import FileMark
from tenantry.model.results import Result
from tenantry.reports.table import make_sink
from tests.unit.reports.story import render, tell

EVENTS = tell()
NAMES = next(event.tenants for event in EVENTS if isinstance(event, RunStarted))
HEADER = JournalHeader(
    run_id="5e1f0c3a-8d5b-4a7e-9a52-2f9f4d0c6b11",
    verb="migrate",
    started_at=datetime(2026, 3, 3, 12, 0, 7, 123000, tzinfo=UTC),
    project="/project/tenants.yaml",
    selection="all",
    tenants=NAMES,
    files=(FileMark("tenant", 1, "rooms", "sha256:1"), FileMark("tenant", -1, "views", "sha256:2")),
    options={"to": 3, "allow": ["drop-table"]},
)


def write(events: list[Event], header: JournalHeader = HEADER) -> str:
    """Return the journal of a run with these events."""
    lines = [compose_header(header)]
    for event in events:
        line = compose_line(len(lines) + 1, 5, event)
        lines += [line] if line else []
    return "".join(lines)


TEXT = write(EVENTS)


def test_report_again() -> None:
    """The report of a run that was read back is the one that was shown."""
    again = parse_journal(TEXT)
    assert (again.header, again.finished) == (HEADER, True)
    assert render(make_sink, replay(again)) == render(make_sink, EVENTS)


def test_ends_alone() -> None:
    """The ends are read without the other events."""
    quick = parse_journal(TEXT, ends_alone=True)
    assert (quick.ends, quick.left, quick.finished) == (
        parse_journal(TEXT).ends,
        parse_journal(TEXT).left,
        True,
    )
    assert len(quick.events) == len(NAMES) + 1


def test_starts_follow() -> None:
    """The start of each tenant that had a turn is told again, and that of one that had none is not."""
    started = {event.tenant for event in EVENTS if isinstance(event, TenantStarted)}
    assert {event.tenant for event in replay(parse_journal(TEXT)) if isinstance(event, TenantStarted)} == started


def test_cut_anywhere() -> None:
    """A text that is cut off at any byte behind its header is a run that was killed: each tenant has one end."""
    whole = parse_journal(TEXT).events
    for size in range(TEXT.index("\n") + 1, len(TEXT) - 1, 7):
        cut = parse_journal(TEXT[:size])
        assert whole[: len(cut.events)] == cut.events
        told = list(replay(cut))
        assert sorted(event.tenant for event in told if isinstance(event, TenantFinished)) == sorted(NAMES)
        assert isinstance(told[-1], RunFinished)
        assert told[-1].stopped_by == "a kill"


def test_killed() -> None:
    """Of a run that was killed, a tenant with a turn was stopped, and one without was not started; all are left."""
    begun = next(event for event in EVENTS if isinstance(event, TenantFinished) and event.verdict.result != "failed")
    cut = parse_journal(write(EVENTS[: EVENTS.index(begun)]))
    assert begun.tenant in cut.left
    ends = {event.tenant: event.verdict for event in replay(cut) if isinstance(event, TenantFinished)}
    assert ends[NAMES[-1]] == Verdict(Result.NOT_STARTED, "the run was killed")
    assert ends[begun.tenant] == Verdict(Result.STOPPED, "the run was killed")


def test_left() -> None:
    """Those are left that did not end well, or have no end, in the order of the run."""
    ends: list[Event] = [
        TenantFinished("3", Verdict(Result.FAILED), 1),
        TenantFinished("1", Verdict(Result.APPLIED), 1),
        TenantFinished("4", Verdict(Result.FINDING), 1),
        TenantFinished("2", Verdict(Result.UP_TO_DATE), 1),
    ]
    header = replace(HEADER, tenants=("1", "5", "4", "3", "2"))
    assert Journal(header, tuple(ends)).left == ("5", "4", "3")


LINES = TEXT.splitlines(keepends=True)
BAD = {
    "empty": ("", "line 1: damaged, expected the header of a journal"),
    "half a header": (LINES[0][:-1], "line 1: damaged, expected the header of a journal"),
    "no header": ("".join(LINES[1:]), "line 1: damaged: 'run_id' is missing, expected the header of a journal"),
    "a list": ("[]\n", "line 1: damaged, expected the header of a journal"),
    "older": (TEXT.replace('"journal":1', '"journal":0', 1), "line 1: damaged, expected the header of a journal"),
    "newer": (
        TEXT.replace('"journal":1', '"journal":2', 1),
        "of format 2, which a newer tenantry wrote, expected format 1",
    ),
    "half a line": (
        "".join([*LINES[:2], LINES[2][:9], *LINES[3:]]),
        "line 3: damaged, expected an event of a run",
    ),
    "zeros": ("".join([*LINES[:2], "\0" * 30 + "\n", *LINES[3:]]), "line 3: damaged, expected an event of a run"),
    "a line less": ("".join([*LINES[:2], *LINES[3:]]), "line 3: numbered 4, expected 3: lines are missing"),
    "an unknown event": (
        LINES[0] + json.dumps({"n": 2, "at_ms": 1, "event": "tenant_vanished"}) + "\n",
        "line 2: damaged: unknown event 'tenant_vanished', expected an event of a run",
    ),
}


@pytest.mark.parametrize(("text", "expected"), BAD.values(), ids=BAD)
def test_damaged(text: str, expected: str) -> None:
    """Damage before the last line is named, and so is a journal of a newer version."""
    with pytest.raises(JournalError) as caught:
        parse_journal(text)
    assert str(caught.value) == expected


def test_header_alone() -> None:
    """The header is read without the rest, which may be damaged."""
    assert parse_header(LINES[0] + "{") == HEADER
