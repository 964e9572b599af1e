"""`sql`: scripts for review that say what would be sent, in a form that psql would read alike."""

import re

import pytest

from tenantry import sqltext
from tenantry.model import Migration, Plan
from tenantry.model.errors import Problem
from tenantry.model.events import DraftWritten, FindingReported, TenantPlanned, TenantStarted
from tenantry.model.results import Result
from tenantry.reports.sql import make_sink
from tests.builders import migration
from tests.unit.reports.story import FILES, check_golden, end, render, run_on, tell_plan


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


ADD = "ALTER TABLE public.rooms ADD COLUMN rate numeric(10,2);\n"
DROP = "-- destructive\n-- DROP TABLE public.notes;\n"


def drafts(*given: tuple[str, str]) -> str:
    """Return the script for tenants with these drafts, as `drift --sql` tells them."""
    events = [
        event
        for name, text in given
        for event in (
            TenantStarted(name),
            FindingReported(name, Problem("rooms.rate: missing")),
            DraftWritten(name, text),
            end(name, Result.FINDING, "1 difference"),
        )
    ]
    return render(make_sink, run_on([name for name, _ in given], *events, verb="drift"))


def test_draft() -> None:
    """A draft is headed by whom it is for, beside what was found there."""
    assert drafts(("16", ADD)) == (
        "-- tenant 16: finding: 1 difference\n"
        "-- a draft to review, for tenant 16\n"
        "\n"
        "ALTER TABLE public.rooms ADD COLUMN rate numeric(10,2);\n"
    )


def test_one_draft_for_all_whom_it_suits() -> None:
    """Tenants that lack the same share a draft, others have their own."""
    text = drafts(("1", ADD), ("3", DROP), ("16", ADD))
    assert [line for line in text.splitlines() if "draft" in line] == [
        "-- a draft to review, for tenants 1, 16",
        "-- a draft to review, for tenant 3",
    ]
    assert statements(text) == ["ALTER TABLE public.rooms ADD COLUMN rate numeric(10,2)"]


def test_no_draft() -> None:
    """Where nothing differs, there is nothing to print."""
    assert render(make_sink, run_on(("1",), TenantStarted("1"), end("1", Result.OK), verb="drift")) == ""
