"""Ordinary files, linted and held against the catalog of a database with filled tables: what lint says is so."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import psycopg
import pytest

from tenantry import sqltext
from tenantry.lint.measure.books import Books, read_state
from tenantry.lint.measure.probe import probe
from tenantry.lint.measure.rows import empty, fill
from tenantry.lint.ruleset import lint
from tenantry.model.effects import Measured
from tenantry.model.hazards import Hazard, Level
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tenantry.postgres.sessions import Connection
from tests.builders import migration
from tests.integration.fix_catalog import fresh_database
from tests.integration.lint.corpus import BASE, FILL, CorpusFile, list_files
from tests.integration.lint.oracle import find_facts

FILES = tuple(list_files())
# The names and numbers in a fact.
_WORDS = re.compile(r"^\w+: [0-9]*|: .*")
FIRST = migration("0001_base", BASE)


class Pair(NamedTuple):
    """Two databases with the same tables: one as measuring has it, and one with many rows."""

    measured: Connection
    filled: Connection


class Judged(NamedTuple):
    """One statement: its file, the rules that find a danger, and the facts of the catalog."""

    file: CorpusFile
    rules: tuple[str, ...]
    facts: tuple[str, ...]


@pytest.fixture(scope="module")
def pair(server17: EmbeddedServer) -> Iterator[Pair]:
    """Return the two databases."""
    with fresh_database(server17.dsn()) as measured, fresh_database(server17.dsn()) as filled:
        for connection, rows in ((measured, ""), (filled, FILL)):
            connection.execute((BASE + rows).encode())
        fill(measured, "public")
        filled.execute("REFRESH MATERIALIZED VIEW totals; ANALYZE")
        yield Pair(measured, filled)


def measure(connection: Connection, text: str) -> tuple[Measured, ...]:
    """Return the effects of the statements of a file that is rolled back."""
    books, existing = Books(connection), frozenset(read_state(connection))
    connection.execute("BEGIN")
    try:
        return tuple(_measure(connection, books, existing, statement) for statement in sqltext.split(text))
    finally:
        connection.execute("ROLLBACK")


def _measure(connection: Connection, books: Books, existing: frozenset[int], statement: sqltext.Statement) -> Measured:
    try:
        with connection.transaction():
            return probe(books, statement, existing)
    except psycopg.Error:
        # As where a file is measured: rows that we made may violate what it demands.
        empty(connection, "public")
        return probe(books, statement, existing)


def judge(pair: Pair, file: CorpusFile) -> Iterator[Judged]:
    """Yield each statement of a file with what lint and the catalog say of it."""
    effects = measure(pair.measured, file.text)
    hazards = lint((FIRST, migration("0002_file", file.text)), ((), effects), {2})
    starts = [effect.start for effect in effects]
    dangers: dict[int, list[str]] = {start: [] for start in starts}
    for hazard in hazards:
        if hazard.level is Level.DANGER:
            dangers[starts[bisect_right(starts, _find(file.text, hazard)) - 1]].append(hazard.rule)
    for start, facts in find_facts(pair.filled, file.text):
        yield Judged(file, tuple(dangers[start]), facts)


def _find(text: str, hazard: Hazard) -> int:
    lines = text.split("\n")
    return sum(len(line) + 1 for line in lines[: hazard.line - 1]) + hazard.column - 1


def show(judged: Sequence[Judged]) -> str:
    """Return what is wrong, for people."""
    return "\n".join(f"{one.file.text!r}: {one.rules} {one.facts}" for one in judged)


def check(pair: Pair, files: Sequence[CorpusFile]) -> None:
    """Hold files against the catalog: no fact without a danger, and of 1,000 files one false danger at most."""
    judged = [one for file in files for one in judge(pair, file)]
    missed = [one for one in judged if one.facts and not one.rules]
    false = [one for one in judged if one.rules and not one.facts]
    counts = Counter(rule for one in judged for rule in one.rules)
    print(  # noqa: T201  # the table of a run by hand, with -s
        f"{len(files)} files, {len(judged)} statements, {sum(counts.values())} dangers: {dict(counts)}"
    )
    facts = Counter(_WORDS.sub("", fact) for one in judged for fact in one.facts)
    print(f"facts: {dict(facts)}")  # noqa: T201  # as above
    assert not missed, f"missed:\n{show(missed)}"
    assert len(false) * 1000 <= len(files), f"false:\n{show(false)}"


def test_part(pair: Pair) -> None:
    """A file of each kind is judged as it is."""
    seen: dict[str, CorpusFile] = {}
    for number, file in enumerate(FILES):
        # Not the same table for all kinds.
        if file.kind not in seen or number % 7 == 0:
            seen[file.kind] = file
    check(pair, list(seen.values()))


@pytest.mark.slow
def test_whole(pair: Pair) -> None:
    """All files are judged as they are."""
    assert len(FILES) >= 300
    check(pair, FILES)
