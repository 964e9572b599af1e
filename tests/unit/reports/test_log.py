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
from tenantry.reports.log import Talk, make_log_sink
from tenantry.reports.output import Output
from tests.unit.reports.story import CALL, Terminal, check_golden, run_on, strip_colours, tell


def log(
    monkeypatch: pytest.MonkeyPatch,
    events: Iterable[Event],
    stream: io.StringIO | None = None,
    *,
    verbose: bool = False,
    as_json: bool = True,
) -> str:
    """Return what is logged to stderr about these events."""
    stream = stream or io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    sink = make_log_sink(Output(stream), CALL, Talk(verbose=verbose, json=as_json))
    for event in events:
        sink(event)
    return stream.getvalue()


def read(text: str) -> list[dict[str, Any]]:
    """Return log lines as values, without their times, which are checked to be there and in UTC."""
    lines = [json.loads(line) for line in text.splitlines()]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line.pop("timestamp")) for line in lines)
    return lines


def test_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """As JSON each step is a line, with its level and its time, and a failure is one line alone."""
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


def test_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    """As text only that is said which the report leaves out, in sentences: about the input, locks and collisions."""
    check_golden("log.txt", log(monkeypatch, tell(), as_json=False))


def test_sentences_of_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --verbose, each step is a line after the time of day."""
    lines = log(monkeypatch, tell(), as_json=False, verbose=True).splitlines()
    steps = [line for line in lines if re.match(r"\d\d:\d\d:\d\d ", line)]
    assert any(re.fullmatch(r"\S+ tenant 1: 0001_rooms: applied in \d+ ms", line) for line in steps)
    assert all(line.startswith("  ") for line in lines if line not in steps)


def test_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets the same words, and colours unless NO_COLOR is set."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    plain, coloured = log(monkeypatch, tell(), as_json=False), log(monkeypatch, tell(), Terminal(), as_json=False)
    assert "\x1b[33mwarning: \x1b[0m" in coloured
    assert strip_colours(coloured) == plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert log(monkeypatch, tell(), Terminal(), as_json=False) == plain


def test_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --quiet, only errors are left, and as text the report has these."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    sink = make_log_sink(Output(stream), CALL, Talk(quiet=True))
    for event in tell():
        sink(event)
    assert stream.getvalue() == ""


def test_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning about many tenants is said of the first, and in the end of the others together."""
    names = [str(number) for number in range(1, 301)]
    hint = 'nothing needs to be done; "tenantry accept 1 --tenants {} --reason ..." records it'
    events = [WarningRaised(name, Problem("0001_rooms: only comments differ", hint.format(name))) for name in names]
    assert log(monkeypatch, [*events, RunFinished(3)], as_json=False).splitlines() == [
        "warning: tenant 1: 0001_rooms: only comments differ",
        f"  hint: {hint.format('1')}".replace("tenantry", CALL.program),
        "warning: the same of tenants 2, 3, 4, 5, 6, 7, 8, 9 and 291 more: 0001_rooms: only comments differ",
    ]


def test_many_postponed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tenants that are postponed for one reason, as by a server that is gone, are told once, with their number."""
    names = [str(number) for number in range(1, 102)]
    events = [TenantPostponed(name, "server 'us': Connection refused", 3) for name in names]
    assert log(monkeypatch, [*events, RunFinished(3)], as_json=False).splitlines() == [
        "warning: tenant 1: postponed until after the other tenants: server 'us': Connection refused",
        "warning: the same of tenants 2, 3, 4, 5, 6, 7, 8, 9 and 92 more: postponed until after the other tenants: "
        "server 'us': Connection refused",
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
