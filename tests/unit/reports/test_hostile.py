"""Hostile text in every field of every event: no report lets it steer a terminal or a CI."""

import importlib
import json
import re
import sys
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from io import StringIO
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

from tenantry.lint.ruleset import RULES
from tenantry.model import events as model
from tenantry.model.effects import Measured
from tenantry.model.events import (
    BatchProgressed,
    DatabaseCreated,
    Event,
    LinePrinted,
    LockAwaited,
    MigrationRetried,
    MigrationStarted,
    NoticeRaised,
    RunFinished,
    RunStarted,
    Verdict,
)
from tenantry.model.hazards import Hazard
from tenantry.model.plans import Plan
from tenantry.reports.escaping import escape, escape_json, escape_line, escape_source
from tenantry.reports.files import WHOLE
from tenantry.reports.formats import FORMATS, Sink
from tenantry.reports.log import Talk, make_log_sink
from tenantry.reports.output import Output, hang
from tenantry.reports.progress import make_progress_sink
from tenantry.reports.summary import RunSummary
from tests.builders import NOON
from tests.unit.reports.story import CALL, Terminal

EVIL = (
    "a\x1b[2J\x1b[32mok\x1b[0m\x07b\rc\x9b2Jd\u202ee\u2066f\u200fg\u061ch\u2028i\x85j\x7f\udc80"
    "\n::error file=x::boo\n  ::warning::boo\n##[error]boo\n##vso[task.complete]boo\n2 tenants: 2 applied"
)
RAW = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
COMMAND = re.compile(r"^[^\S\n]*::|##[a-z]*\[|^2 tenants: 2 applied", re.MULTILINE)
# Colours, and what rich draws a progress bar with: moves of the cursor, and erasing. No more than these.
OWN = re.compile(r"\x1b\[(?!2J|32mok)(?:[0-9;]*m|\?25[lh]|1A|2K)|\r")
# A rule has to exist, a hazard that is allowed and a plan with blockers are not shown; events within have their own.
KNOWN: dict[Any, dict[str, Any]] = {
    Hazard: {"rule": next(iter(RULES)), "allowed": ""},
    Plan: {"blockers": ()},
    Verdict: {"told": ()},
    Measured: {"start": 0},
    NoticeRaised: {"severity": "ERROR"},
    # Its lines are the output: the last one may be whatever it is.
    LinePrinted: {"text": EVIL.rpartition("\n")[0]},
}
TERMINALS = {"plain": StringIO, "terminal": Terminal}


def make(kind: Any) -> Any:
    """Return a value of a type, with hostile text in every string of it, however deep."""
    if kind is str or kind is Any:
        return EVIL
    if kind in (int, float, bool):
        return kind(1)
    if kind is datetime:
        return NOON
    if is_dataclass(kind):
        return fill(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        # The last result is a finding, which reports leave to other lines.
        return next(one for one in kind if one.name in ("FAILED", "DANGER", "PENDING") or one is list(kind)[-1])
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return make(next(one for one in inner if one is not type(None)))
    if origin is tuple:
        return (make(inner[0]),)
    if issubclass(origin, Mapping):
        return {make(inner[0]): make(inner[1])}
    raise TypeError(kind)


def fill(kind: Any) -> Any:
    """Return an object of a dataclass, hostile throughout but for what decides whether it is shown at all."""
    hints = get_type_hints(kind, vars(model))
    known = KNOWN.get(kind, {})
    return kind(**{field.name: make(hints[field.name]) for field in fields(kind) if field.name not in known} | known)


def story() -> list[Event]:
    """Return a run with an event of every kind, of which only the tenant's name is known everywhere."""
    rest = [kind for kind in get_args(Event) if kind not in (RunStarted, RunFinished)]
    return [fill(RunStarted), *map(fill, rest), fill(RunFinished)]


def play(sink: Sink, stream: StringIO) -> str:
    """Return what a sink writes about the hostile run."""
    for event in story():
        sink(event)
    return stream.getvalue()


def check(text: str) -> None:
    """Check that nothing of the hostile text is raw, and that it begins no line in a way that matters."""
    own = OWN.sub("", text)
    assert RAW.findall(own) == []
    assert COMMAND.findall(own) == []
    assert "x1b[2J" in own or "u001b[2J" in own


def test_whole_reports() -> None:
    """No whole report has anything raw in it, nor a line that a CI would take for a command."""
    summary = RunSummary()
    for event in story():
        summary.add(event)
    for name, module in WHOLE.items():
        text = importlib.import_module(module).compose(summary, CALL, "")
        assert RAW.findall(text.replace("\t", "")) == [], name
        assert re.findall(r"^[^\S\n]*::|##[a-z]*\[", text, re.MULTILINE) == [], name
        assert "x1b[2J" in text or "u001b[2J" in text, name


def test_story() -> None:
    """The run has every kind of event, and hostile text in each that has a string."""
    assert {type(event) for event in story()} == set(get_args(Event))
    assert all("\\x1b[2J" in repr(event) for event in story())


@pytest.mark.parametrize("stream", TERMINALS.values(), ids=TERMINALS)
@pytest.mark.parametrize("name", ["table", "plan", "jsonl", "sarif"])
def test_formats(name: str, stream: type[StringIO]) -> None:
    """No format writes anything raw, on a terminal or elsewhere."""
    out = stream()
    check(play(importlib.import_module(FORMATS[name]).make_sink(Output(out), CALL), out))


def test_all_formats_are_tried() -> None:
    """A new format is tried here too."""
    assert set(FORMATS) == {"table", "plan", "jsonl", "sarif", "github", "sql"}


def test_github() -> None:
    """Each line of `github` is a command of its own, and nothing is raw in it."""
    out = StringIO()
    text = play(importlib.import_module(FORMATS["github"]).make_sink(Output(out), CALL), out)
    assert RAW.findall(text) == []
    assert all(re.match(r"::(error|warning)( file=[^:]*)?::a?", line) for line in text.splitlines())
    assert len(text.splitlines()) == 3


def test_comments_of_a_script() -> None:
    """A script has nothing raw, and no comment a second line; of SQL that cannot be escaped so, it says so."""
    out = StringIO()
    text = play(importlib.import_module(FORMATS["sql"]).make_sink(Output(out), CALL), out)
    without_sql = text.replace(escape_source(EVIL), "")
    comments = [line for line in without_sql.split("\n") if line not in ("", ";", "BEGIN;", "COMMIT;")]
    assert f"do not run it from here.\n{escape_source(EVIL)}" in text
    assert RAW.findall(text) == []
    assert all(line.startswith(("-- ", "/* ")) for line in comments)
    assert RAW.findall("".join(comments)) == []


TALKS = {"verbose": Talk(verbose=True), "usual": Talk(), "json": Talk(json=True)}


@pytest.mark.parametrize("talk", TALKS.values(), ids=TALKS)
@pytest.mark.parametrize("stream", TERMINALS.values(), ids=TERMINALS)
def test_log(monkeypatch: pytest.MonkeyPatch, stream: type[StringIO], talk: Talk) -> None:
    """No log line holds anything raw, and the second line of a value does not look like a line of ours."""
    out = stream()
    monkeypatch.setattr(sys, "stderr", out)
    text = play(make_log_sink(Output(out), CALL, talk), out)
    check(text)
    if talk.json:
        assert all(line.startswith("{") for line in text.splitlines())


@pytest.mark.parametrize("kind", [MigrationStarted, LockAwaited, MigrationRetried, BatchProgressed])
def test_progress(monkeypatch: pytest.MonkeyPatch, kind: type[Event]) -> None:
    """The bar shows nothing raw, and takes no brackets for a style."""
    monkeypatch.setenv("COLUMNS", "2000")
    out = Terminal()
    sink = make_progress_sink(Output(out))
    for event in (fill(RunStarted), fill(kind), fill(RunFinished)):
        sink(event)
    check(out.getvalue())


def test_jsonl_reads_the_same() -> None:
    """A program reads the text as it came."""
    out = StringIO()
    importlib.import_module(FORMATS["jsonl"]).make_sink(Output(out), CALL)(DatabaseCreated(EVIL, EVIL))
    assert json.loads(out.getvalue()) == {"event": "database_created", "tenant": EVIL, "database": EVIL}


CASES = {
    "a terminal": ("a\x1b[2Jb\x9b\x07", "a\\x1b[2Jb\\x9b\\x07"),
    "direction": ("\u202ea\u2069", "\\u202ea\\u2069"),
    "lines and tabs": ("a\n\tb", "a\n\tb"),
    "letters": ("Größe 部屋 ::", "Größe 部屋 ::"),
    "command": ("::a\n\t ::b::", "\\x3a:a\n\t \\x3a:b::"),
    "hashes": ("a ##[b] ##vso[c] ##d", "a #\\x23[b] #\\x23vso[c] ##d"),
    "not UTF-8": ("\udcff", "\\udcff"),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_escape(text: str, expected: str) -> None:
    """What steers is an escape, twice the same as once; everything else is itself."""
    assert escape(text) == escape(expected) == expected


def test_escape_forms() -> None:
    """A line has no second one, a value's second is indented, a cast stays in source text, JSON stays JSON."""
    assert escape_line("a\n::b\tc") == "a\\n\\x3a:b\\tc"
    assert hang("  a\n\nb\n  c") == "  a\n\n      b\n        c"
    assert escape_source("SELECT x\n  ::text;\n::error::\x1b") == "SELECT x\n  ::text;\n\\x3a:error::\\x1b"
    assert escape_json('{"a":"##[\x9bé"}') == '{"a":"#\\u0023[\\u009bé"}'
