"""Words that several outputs share."""

import pytest

from tenantry.model.words import count
from tenantry.reports.formats import Call
from tenantry.reports.wording import count_tenants, indent, join, name_tenants, render_hint, render_shared_hint, seconds

PROGRAM = ".venv/bin/tenantry"
HERE = Call("tenantry", "tenantry plan")
HINTS = {
    "command": ('run "tenantry db start"', 'run ".venv/bin/tenantry db start"'),
    "two commands": (
        '("tenantry log --sql"); or run "tenantry forget 2"',
        '(".venv/bin/tenantry log --sql"); or run ".venv/bin/tenantry forget 2"',
    ),
    "command with arguments": ('"tenantry new NAME"', '".venv/bin/tenantry new NAME"'),
    "the name in prose": ("a newer tenantry is at work here", "a newer tenantry is at work here"),
    "the name of a table": ('drop the schema "tenantry"', 'drop the schema "tenantry"'),
    "no command": ("save it as UTF-8", "save it as UTF-8"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("hint", "expected"), HINTS.values(), ids=HINTS)
def test_render_hint(hint: str, expected: str) -> None:
    """A command in a hint is written as this command was called, so that it can be typed as it stands."""
    assert render_hint(hint, Call(PROGRAM, f"{PROGRAM} plan")) == expected
    assert render_hint(hint, HERE) == hint


def test_render_shared_hint() -> None:
    """A hint that was made for one tenant becomes one for all that share it."""
    hint = 'run "tenantry accept 2 --tenants 1 --reason ..."'
    assert render_shared_hint(hint, ["1"], HERE) == hint
    shared = 'run "tenantry accept 2 --tenants 1,16 --reason ..."'
    assert render_shared_hint(hint, ["1", "16"], HERE) == shared


def test_a_place_to_resume_is_not_shared() -> None:
    """Where a file is resumed is decided for one tenant at a time, so its command keeps one."""
    hint = 'run "tenantry migrate --tenants 1 --resume-at 2"; or "tenantry mark 3 --tenants 1 --reason ..."'
    shared = 'run "tenantry migrate --tenants 1 --resume-at 2"; or "tenantry mark 3 --tenants 1,16 --reason ..."'
    assert render_shared_hint(hint, ["1", "16"], HERE) == shared


def test_hints_repeat_what_was_chosen() -> None:
    """A command in a hint goes to the chosen servers, and one of the same verb does no more than was asked."""
    call = Call("t --config c", "t migrate --to 3", "1", "migrate", " --to 3", " --server main=...")
    hint = 'run "tenantry migrate --tenants 1" or "tenantry mark 3 --tenants 1 --reason ..." or "tenantry db start"'
    assert render_hint(hint, call) == (
        'run "t --config c migrate --to 3 --server main=... --tenants 1" '
        'or "t --config c mark --server main=... 3 --tenants 1 --reason ..." or "t --config c db start"'
    )


COUNTS = {0: "0 tenants", 1: "1 tenant", 2: "2 tenants", 312: "312 tenants"}


@pytest.mark.parametrize(("number", "expected"), COUNTS.items())
def test_count(number: int, expected: str) -> None:
    """Singular and plural are both right."""
    assert count(number, "tenant") == expected


COUNTED = {
    "none": ([], "0 tenants"),
    "one": (["16"], "1 tenant"),
    "master": (["master"], "1 database"),
    "master and one": (["master", "1"], "2 tenants"),
    "folder": (["migrations/tenant"], "1 folder"),
    "folders": (["migrations/master", "migrations/tenant"], "2 folders"),
    "folders and tenants": (["migrations/master", "migrations/tenant", "1"], "2 folders and 1 tenant"),
}


@pytest.mark.parametrize(("names", "expected"), COUNTED.values(), ids=COUNTED)
def test_count_tenants(names: list[str], expected: str) -> None:
    """Folders are no tenants, and neither is the master where it stands alone."""
    assert count_tenants(names) == expected


NAMES = {
    "one": (["16"], "tenant 16"),
    "two": (["1", "16"], "tenants 1, 16"),
    "master": (["master"], "master"),
    "master and one": (["master", "1"], "tenants master, 1"),
    "eight": ([*"12345678"], "tenants 1, 2, 3, 4, 5, 6, 7, 8"),
    "nine": ([*"123456789"], "tenants 1, 2, 3, 4, 5, 6, 7, 8 and 1 more"),
}


@pytest.mark.parametrize(("names", "expected"), NAMES.values(), ids=NAMES)
def test_name_tenants(names: list[str], expected: str) -> None:
    """Tenants are named, of many the first, and the master by its name."""
    assert name_tenants(names) == expected


TIMES = {0: "0 ms", 999: "999 ms", 1000: "1.0 s", 61_234: "61.2 s"}


@pytest.mark.parametrize(("elapsed_ms", "expected"), TIMES.items())
def test_seconds(elapsed_ms: int, expected: str) -> None:
    """A time is in milliseconds below a second, in seconds from there on."""
    assert seconds(elapsed_ms) == expected


def test_indent() -> None:
    """Every line is indented but empty ones."""
    assert list(indent("a\n\n  b\n")) == ["  a", "", "    b"]


def test_join() -> None:
    """What is empty is left out."""
    assert join(["a", "", "b"]) == "a, b"
