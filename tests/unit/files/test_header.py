"""The header: which comment lines are keys, which are prose, and which are nearly keys and therefore errors."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.files.header import _KEYS, Header, find_circle, parse_header
from tests.builders import unhurried

REWORD = "or reword the comment if it is not meant as a key"


def refuse(text: str) -> list[str]:
    """Return what is said of a header that is expected to be wrong: `line: message | hint`."""
    header, problems = parse_header(text)
    assert problems, header
    return [f"{p.line}: {p.message} | {p.hint}" if p.hint else f"{p.line}: {p.message}" for p in problems]


NON_TRANSACTIONAL = Header(transactional=False)
READ = {
    "nothing": ("SELECT 1;", Header()),
    "no key": ("-- Rates for each room.\nSELECT 1;", Header()),
    "transactional: false": ("-- transactional: false\nVACUUM;", NON_TRANSACTIONAL),
    "transactional: true": ("-- transactional: true\nSELECT 1;", Header()),
    "no blanks": ("--transactional:false\nVACUUM;", NON_TRANSACTIONAL),
    "many blanks": ("  --\t transactional  :   false  \nVACUUM;", NON_TRANSACTIONAL),
    "below prose": ("-- Rates.\n--\n\n-- transactional: false\nVACUUM;", NON_TRANSACTIONAL),
    "no statement": ("-- transactional: false", NON_TRANSACTIONAL),
    "one dependency": ("-- depends: 0001_rooms\nSELECT 1;", Header(depends=("0001_rooms",))),
    "two dependencies": ("-- depends: 0001_a  0002_b\nSELECT 1;", Header(depends=("0001_a", "0002_b"))),
    "two lines of dependencies": (
        "-- depends: 0001_a\n-- depends: 0002_b\nSELECT 1;",
        Header(depends=("0001_a", "0002_b")),
    ),
    "no dependency": ("-- depends:\nSELECT 1;", Header()),
    "parse: server": ("-- parse: server\nREPACK t;", Header(judged_by_server=True)),
    "all": (
        "-- Rates.\n-- depends: 0001_a\n-- transactional: false\n-- parse: server\nVACUUM;",
        Header(transactional=False, depends=("0001_a",), judged_by_server=True),
    ),
}


@pytest.mark.parametrize(("text", "expected"), READ.values(), ids=READ)
def test_read(text: str, expected: Header) -> None:
    """A key is read from the leading comment, however it is spaced."""
    assert parse_header(text) == (expected, ())


PROSE = (
    "-- Rates for each room",
    "-- Author: Ann",
    "-- Ticket: RSM-812",
    "-- Note: rooms without a rate keep NULL",
    "-- See also: 0004_client_details",
    "-- depends on the weather",
    "-- it is transactional, of course",
    "-- this file is not transactional: it is not needed",
    "-- Warning: takes a lock",
    "-- x = 1",
    "-- Phase: 18.1",
    "-- Required: rooms and their rates",
    "-- requires: rooms",
    "-- Replace: the old rates",
    "-- replace: sha256:0",
    "-- Ensures: that rooms have a rate",
    "-- Batches: as many as there are",
    "-- Depends: the weather",
    "-- Transactional: of course",
    "-- Lock_timeout: see the wiki",
    "-- url: https://example.org/",
    "-- 12: a number",
    "-- TODO: nothing",
    "-- parses nothing",
    "-- é: multi-byte",
    "-----",
    "-- transactional",
    "/* transactional: false */",
)


@pytest.mark.parametrize("line", PROSE)
def test_prose(line: str) -> None:
    """A comment that is no key and not nearly one says nothing."""
    assert parse_header(f"{line}\nSELECT 1;") == (Header(), ())


UNKNOWN = {
    "transactionl: false": ("transactional", "false"),
    "Transactional: false": ("transactional", "false"),
    "TRANSACTIONAL: true": ("transactional", "true"),
    "transactional = false": ("transactional", "false"),
    "transactional=false": ("transactional", "false"),
    "trans-actional: false": ("transactional", "false"),
    "Depends: 0001_a": ("depends", "0001_a"),
    "depend: 0001_a": ("depends", "0001_a"),
    "parser: server": ("parse", "server"),
    "lock_timeout: 5s": ("lock-timeout", "5s"),
    "lock-timout: 5s": ("lock-timeout", "5s"),
    "Statement-Timeout: 5s": ("statement-timeout", "5s"),
    "Lint: allow rewrite because it is small": ("lint", "allow rewrite because it is small"),
    "requires: SELECT true": ("require", "SELECT true"),
    "Ensure: SELECT true": ("ensure", "SELECT true"),
    "batches: 1000": ("batch", "1000"),
    f"replace: sha256:{'0' * 64}": ("replaces", f"sha256:{'0' * 64}"),
    "Transactional: FALSE": ("transactional", "false"),
}


@pytest.mark.parametrize(("line", "expected"), UNKNOWN.items(), ids=UNKNOWN)
def test_unknown_key(line: str, expected: tuple[str, str]) -> None:
    """A key that is nearly one is an error that names line and remedy."""
    written, (key, value) = re.split("[:=]", line)[0].strip(), expected
    assert refuse(f"-- Rates.\n-- {line}\nSELECT 1;") == [
        f'2: header key {written!r}: not a key, expected {key} | write "-- {key}: {value}", {REWORD}'
    ]


NEARLY = ("Requires: SELECT true", "lock-timout: 5s", "depend: 0001_a")


@pytest.mark.parametrize("line", NEARLY)
def test_remedy_is_accepted(line: str) -> None:
    """A hint never says to write what would be refused in its turn."""
    _, problems = parse_header(f"-- {line}\nSELECT 1;")
    written = [problem.hint.split('"')[1] for problem in problems if problem.hint.startswith('write "')]
    assert [parse_header(f"{key}\nSELECT 1;")[1] for key in written] == [()] * len(written)


VALUES = {
    "transactional: FALSE": "'FALSE' is not a valid value, expected true or false",
    "transactional: no": "'no' is not a valid value, expected true or false",
    "transactional:": "'' is not a valid value, expected true or false",
    "transactional: false -- see below": "'false -- see below' is not a valid value, expected true or false",
    "parse: client": "'client' is not a valid value, expected server",
    "parse:": "'' is not a valid value, expected server",
    "lock-timeout: 5": "'5' is not a valid value, expected a time such as 500ms, 5s or 10min",
}


@pytest.mark.parametrize(("line", "expected"), VALUES.items(), ids=VALUES)
def test_value(line: str, expected: str) -> None:
    """A key with a value that it does not take is an error."""
    assert refuse(f"-- {line}\nSELECT 1;") == [f"1: header key '{line.partition(':')[0]}': {expected}"]


def test_given_twice() -> None:
    """A key that takes one value and is given twice is an error, even if both say the same."""
    text = "-- transactional: false\n-- Rates.\n-- transactional: false\nVACUUM;"
    assert refuse(text) == ["3: header key 'transactional': given twice, expected once"]


def test_three_dashes() -> None:
    """A key behind more than two dashes has its effect or is an error: it is never passed over."""
    header, problems = parse_header("--- transactional: false\nVACUUM;")
    assert problems or not header.transactional


MISPLACED = {
    "behind the first statement": ("transactional", "SELECT 1;\n-- transactional: false\nVACUUM;"),
    "at the end": ("transactional", "SELECT 1;\n--transactional :  true"),
    "behind a comment of another kind": ("transactional", "/* licence */\n-- transactional: false\nVACUUM;"),
    "parse": ("parse", "SELECT 1;\n-- parse: server"),
    "a time": ("lock-timeout", "SELECT 1;\n-- lock-timeout: 5s"),
    "an allowance": ("lint", "SELECT 1;\n-- lint: allow rewrite because it is small"),
    "rows": ("batch", "SELECT 1;\n-- batch: 5000"),
    "a checksum": ("replaces", f"SELECT 1;\n-- replaces: sha256:{'0' * 64}"),
    "a query": ("ensure", "SELECT 1;\n-- ensure: select count(*) = 0 FROM rooms"),
}


@pytest.mark.parametrize(("key", "text"), MISPLACED.values(), ids=MISPLACED)
def test_misplaced_key(key: str, text: str) -> None:
    """A key below the leading comment would have no effect and is an error."""
    assert refuse(text) == [
        f"2: header key {key!r}: no effect below the first statement, expected it in the header"
        " | move the line to the top of the file"
    ]


PROSE_BELOW = ("batch: the first of three", "lint: off", "require: a room for each", "transactional: yes", "parse: x")


@pytest.mark.parametrize("line", PROSE_BELOW)
def test_prose_below(line: str) -> None:
    """Below the leading comment, a word before a colon is prose unless it has a value that the key takes."""
    assert parse_header(f"SELECT 1;\n-- {line}\nSELECT 2;") == (Header(), ())


def test_keys_in_a_fence() -> None:
    """What is between fences is SQL: a line in it that looks like a key is none, not even for yoyo's parser."""
    text = (
        "-- depends: 0001_a\n-- require:\n-- ```\n-- SELECT true\n-- -- transactional: false\n"
        "-- transactional: false\n-- depends: 0009_z\n-- transactionl: false\n-- ```\nSELECT 1;"
    )
    header, problems = parse_header(text)
    assert (problems, header.transactional, header.depends) == ((), True, ("0001_a",))


def test_fence_in_prose() -> None:
    """Between fences that are not behind a key that takes a query, keys are keys: none is passed over."""
    header, problems = parse_header("-- Example:\n-- ```\n-- transactional: false\n-- ```\nVACUUM;")
    assert (problems, header.transactional) == ((), False)


def test_header_of_a_faulty_file() -> None:
    """What is right in a header is read whatever is wrong with the rest: a recorded text is judged by none of today."""
    header, problems = parse_header("-- transactional: false\n-- batch: many\nVACUUM;\n-- parse: server\n")
    assert (len(problems), header.transactional) == (2, False)


def test_all_faults_at_once() -> None:
    """Every faulty line is named, those of the header before those below it."""
    text = "-- transactionl: false\n-- lint: off\nSELECT 1;\n-- transactional: false\n"
    assert [said.split(":", 1)[0] for said in refuse(text)] == ["1", "2", "4"]


@unhurried
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\0"), max_size=40), max_size=5)
)
def test_any_comment_is_read(lines: list[str]) -> None:
    """Whatever the comment says, it is read: a file without a key and without a fault is an ordinary one."""
    header, problems = parse_header("".join(f"-- {line}\n" for line in lines) + "SELECT 1;\n")
    keys = tuple(sorted(_KEYS))
    if not problems and not any(line.strip().startswith(keys) for line in lines):
        assert header == Header()


CIRCLES: dict[str, tuple[dict[int, tuple[int, ...]], tuple[int, ...]]] = {
    "none": ({0: (), 1: (0,), 2: (0, 1)}, ()),
    "nothing": ({}, ()),
    "two": ({1: (2,), 2: (1,), 3: ()}, (1, 2)),
    "itself": ({1: (1,)}, (1,)),
    "three": ({1: (3,), 2: (1,), 3: (2,)}, (1, 2, 3)),
    "later but no circle": ({1: (2,), 2: ()}, ()),
    "one that needs a circle but is in none": ({1: (2,), 2: (1,), 3: (2,)}, (1, 2)),
}


@pytest.mark.parametrize(("depends", "expected"), CIRCLES.values(), ids=CIRCLES)
def test_circle(depends: dict[int, tuple[int, ...]], expected: tuple[int, ...]) -> None:
    """Those that depend on each other are named, and nobody else."""
    assert find_circle(depends) == expected


@unhurried
@given(st.dictionaries(st.integers(0, 5), st.lists(st.integers(0, 5), max_size=3, unique=True).map(tuple)))
def test_circle_exists(edges: dict[int, tuple[int, ...]]) -> None:
    """A circle is found exactly if following the dependencies leads back to where one began."""
    depends = {version: tuple(other for other in others if other in edges) for version, others in edges.items()}
    reached = {version: set(others) for version, others in depends.items()}
    for _ in depends:
        reached = {version: others.union(*(depends[other] for other in others)) for version, others in reached.items()}
    assert bool(find_circle(depends)) == any(version in others for version, others in reached.items())
