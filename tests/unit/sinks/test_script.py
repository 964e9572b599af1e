"""`sql`: scripts for review that say what would be sent, in a form that psql would read alike."""

import re

import pytest

from runner import sqltext
from runner.events import Result, TenantPlanned, TenantStarted
from runner.model import Migration, Plan
from runner.sinks.script import make_sink
from tests.builders import migration
from tests.unit.sinks.story import FILES, check_golden, end, render, run_on, tell_plan


def script(*steps: Migration) -> str:
    """Return the script for one tenant that would get these files."""
    events = (TenantStarted("1"), TenantPlanned("1", Plan(steps)), end("1", Result.OK))
    return render(make_sink, run_on(("1",), *events, verb="plan"))


def statements(text: str) -> list[str]:
    """Return the statements of a script, without comments."""
    bare = (re.sub(r"--[^\n]*|/\*.*?\*/", " ", statement.text) for statement in sqltext.split(text))
    return [" ".join(statement.split()) for statement in bare]


def test_scripts() -> None:
    """Each distinct plan is one script, and who gets none is named in a comment."""
    check_golden("plan.sql", render(make_sink, tell_plan()))


def test_files_are_whole() -> None:
    """A script holds the text of each file, in order."""
    text = script(*FILES)
    places = [text.index(file.text.strip()) for file in FILES]
    assert places == sorted(places)


ENDS = {
    "semicolon": "SELECT 1;\n",
    "no semicolon": "SELECT 1",
    "comment behind the semicolon": "SELECT 1; -- é\n",
    "comment and no semicolon": "SELECT 1 -- é",
    "comment that ends with a semicolon": "SELECT 1 -- é;",
    "block comment": "SELECT 1 /* é; */\n",
    "blank lines": "SELECT 1;\n\n\n",
}


@pytest.mark.parametrize("text", ENDS.values(), ids=ENDS)
def test_transactional_file(text: str) -> None:
    """However a transactional file ends, it is between a BEGIN and a COMMIT, and nothing runs into it."""
    assert statements(script(migration("0001_a", text), migration("0002_b", text))) == [
        *("BEGIN", "SELECT 1", "COMMIT"),
        *("BEGIN", "SELECT 1", "COMMIT"),
    ]


@pytest.mark.parametrize("text", ENDS.values(), ids=ENDS)
def test_non_transactional_file(text: str) -> None:
    """A non-transactional file stands by itself."""
    files = (migration("0001_a", text, transactional=False), migration("0002_b", text))
    assert statements(script(*files)) == ["SELECT 1", "BEGIN", "SELECT 1", "COMMIT"]


def test_comments_alone() -> None:
    """A file of comments alone is shown as that."""
    text = script(migration("0001_a", "-- nothing to do\n"))
    assert "-- nothing to do" in text
    assert statements(text) == ["BEGIN", "COMMIT"]


def test_all_tenants_are_named() -> None:
    """A script names every tenant that it is for, however many there are."""
    names = [str(number) for number in range(30)]
    plan = Plan(FILES[:1])
    events = [
        event for name in names for event in (TenantStarted(name), TenantPlanned(name, plan), end(name, Result.OK))
    ]
    first = render(make_sink, run_on(names, *events, verb="plan")).splitlines()[0]
    assert first == f"-- plan A, for tenants {', '.join(names)}"
