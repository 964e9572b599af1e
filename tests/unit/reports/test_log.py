"""Log lines: which events are worth one, to whom, and in which form."""

import io
import json
import re
import sys
from collections.abc import Iterable
from typing import Any

import pytest

from tenantry.model.errors import Problem
from tenantry.model.events import Event, NoticeRaised, RepairMade, RunFinished, TenantPostponed, WarningRaised
from tenantry.reports.log import make_log_sink
from tenantry.reports.output import Output
from tests.unit.reports.story import CALL, Terminal, check_golden, run_on, strip_colours, tell


def log(
    monkeypatch: pytest.MonkeyPatch,
    events: Iterable[Event],
    stream: io.StringIO | None = None,
    *,
    verbose: bool = False,
) -> str:
    """Return what is logged to stderr about these events."""
    stream = stream or io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    sink = make_log_sink(Output(stream), CALL, verbose=verbose)
    for event in events:
        sink(event)
    return stream.getvalue()


def read(text: str) -> list[dict[str, Any]]:
    """Return log lines as values, without their times, which are checked to be there and in UTC."""
    lines = [json.loads(line) for line in text.splitlines()]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line.pop("timestamp")) for line in lines)
    return lines


def test_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where stderr is no terminal each step is a line of JSON, with its level and its time."""
    lines = read(log(monkeypatch, tell()))
    check_golden("log.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))


def test_verbose(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is logged in short is logged at length too, and beside it the start and end of everything."""
    brief, all_lines = read(log(monkeypatch, tell())), read(log(monkeypatch, tell(), verbose=True))
    assert [line for line in all_lines if line["level"] != "debug"] == brief
    debug = [(line["tenant"], line["event"]) for line in all_lines if line["level"] == "debug"]
    assert ("1", "started") in debug
    assert ("1", "finished") in debug
    assert ("3", 'relation "rooms" already exists, skipping') in debug


def test_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal only what is not in the report is logged: warnings about the input, locks and collisions."""
    lines = strip_colours(log(monkeypatch, tell(), Terminal())).splitlines()
    assert [re.sub(r"^\S+ \[(\w+) *\] ", r"\1: ", line) for line in lines] == [
        "warning: tenants.yaml:3:9: a password in clear hint='take it from the environment: ${PASSWORD}'",
        "warning: waiting for another runner     holder='ann@studio, pid 4711' tenant=3",
        "warning: conflict with another session, retrying: tuple concurrently updated attempt=1 "
        "migration=0001_rooms tenant=3",
        "warning: blocked by a lock, retrying: canceling statement due to lock timeout attempt=1 detail='waited for "
        "ACCESS EXCLUSIVE on public.rooms, held by pid 4711 (psql, user ann, in a transaction for 12 s): SELECT * FROM "
        "rooms' migration=0002_rates tenant=3",
    ]


def test_nothing_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run in which nothing happened logs nothing."""
    assert log(monkeypatch, run_on(("1",))) == ""


LEVELS = {
    "NOTICE": "debug",
    "INFO": "debug",
    "WARNING": "warning",
}


@pytest.mark.parametrize(("severity", "level"), LEVELS.items(), ids=LEVELS)
def test_notices(monkeypatch: pytest.MonkeyPatch, severity: str, level: str) -> None:
    """A warning of the server is a warning here; its notices are for those who want all."""
    events = [NoticeRaised("16", severity, "there is no transaction in progress")]
    assert read(log(monkeypatch, events, verbose=True)) == [
        {"tenant": "16", "severity": severity, "event": "there is no transaction in progress", "level": level}
    ]
    assert bool(log(monkeypatch, events)) == (level == "warning")


def test_postponed(monkeypatch: pytest.MonkeyPatch) -> None:
    """That a tenant has to wait for its second turn is a warning, with what it is blocked by."""
    assert read(log(monkeypatch, [TenantPostponed("16", "held by pid 7", 2100)])) == [
        {
            "tenant": "16",
            "reason": "held by pid 7",
            "event": "postponed until after the other tenants",
            "level": "warning",
        }
    ]


def test_repair(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change by hand is logged once it is made."""
    assert read(log(monkeypatch, [RepairMade("16", 12)])) == [
        {"tenant": "16", "version": 12, "event": "ledger changed by hand", "level": "info"}
    ]


def test_several_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message of several lines, as one with an excerpt, is one line of JSON."""
    message = 'a.sql:1:1: syntax error at or near "REPACK"\n1 | REPACK t;\n  | ^'
    assert read(log(monkeypatch, [WarningRaised("", Problem(message))])) == [{"event": message, "level": "warning"}]


def test_no_hint_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not known is not in the line."""
    (line,) = read(log(monkeypatch, [WarningRaised("1", Problem("no hint")), RunFinished(3)]))
    assert line == {"tenant": "1", "event": "no hint", "level": "warning"}
