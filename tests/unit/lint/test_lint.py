"""Lint without a server: what the syntax tells, what headers allow, and which rule tells of what."""

import importlib
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tenantry.lint.ruleset import RULES, lint
from tenantry.lint.words import split_advice
from tenantry.model import Allowance, Batch, Directives, Migration
from tenantry.model.effects import Lock, LockMode, Measured
from tenantry.model.hazards import Harm, Hazard, Level
from tests.builders import migration

FIRST = migration("0001_first", "CREATE TABLE sessions (id int, title text);\nCREATE TABLE rooms (id int);\n")
ALL = LockMode.ACCESS_EXCLUSIVE


def second(text: str, *allowed: Allowance, batch: Batch | None = None, transactional: bool = True) -> Migration:
    """Return the file behind the first one."""
    file = migration("0002_second", text, transactional=transactional)
    return replace(file, directives=Directives(allowed=allowed, batch=batch))


def find(file: Migration, effects: Sequence[Measured] | None = None) -> list[Hazard]:
    """Return what is found in a file behind the first one; without effects, by its syntax."""
    return list(lint((FIRST, file), None if effects is None else ((), effects)))


def rules(text: str, *, transactional: bool = True) -> list[str]:
    """Return the names of the rules that the syntax of a text is told by."""
    return [hazard.rule for hazard in find(second(text, transactional=transactional))]


UNSAFE = {
    f"{name} {number}": (name, text)
    for name in RULES
    if name != "allow"
    for number, text in enumerate(importlib.import_module(f"tenantry.lint.rules.{name.replace('-', '_')}").UNSAFE, 1)
}
# What only a measurement tells.
MEASURED = ("deferred-check", "full-scan", "row-security", "table-rewrite")
# Forms of all tables, whoever made them.
OF_ALL = ("upkeep 3", "upkeep 6", "transaction-default 1", "transaction-default 2")
NOTHING = {
    "a column": "ALTER TABLE sessions ADD fee int, ADD paid boolean NOT NULL DEFAULT false;\n",
    "a column with the time": "ALTER TABLE sessions ADD at timestamp DEFAULT now(), ADD b date DEFAULT CURRENT_DATE;\n",
    "a foreign key of a new column": "ALTER TABLE sessions ADD room_id int REFERENCES rooms (id);\n",
    "not valid": "ALTER TABLE sessions ADD CONSTRAINT c CHECK (id > 0) NOT VALID;\n",
    "an index that exists": "ALTER TABLE sessions ADD CONSTRAINT c UNIQUE USING INDEX i;\n",
    "a bounded change": "UPDATE sessions SET title = 'x' WHERE id = 5;\n",
    "a bounded change under a lock": "ALTER TABLE rooms ADD x int;\nDELETE FROM sessions WHERE id = 5;\n",
    "a lock that others pass": "LOCK sessions IN SHARE UPDATE EXCLUSIVE MODE;\n",
    "a trigger alone": "CREATE TRIGGER a BEFORE UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION f();\n",
    "a view for the old name": "ALTER TABLE sessions RENAME TO s;\nCREATE VIEW sessions AS SELECT * FROM s;\n",
    "a name of its own": "ALTER TABLE sessions RENAME CONSTRAINT a TO b;\n",
    "no IF NOT EXISTS": "CREATE TABLE x (id int);\n",
    "a new enum": "CREATE TYPE m AS ENUM ('a');\nALTER TYPE m ADD VALUE 'b';\nSELECT 'b'::m;\n",
    "a value of another enum": "ALTER TYPE m ADD VALUE 'b';\nSELECT 'c'::m;\n",
    "what nobody knows": "ALTER WINDOW sessions OPEN;\n",
    "a view": "ALTER VIEW v ALTER COLUMN a SET DEFAULT random();\n",
}


class TestSyntax:
    @pytest.mark.parametrize("case", [case for case in UNSAFE if UNSAFE[case][0] not in MEASURED])
    def test_unsafe(self, case: str) -> None:
        """With nowhere to measure, a rule tells of its bad cases all the same; but of order, which takes two files."""
        name, text = UNSAFE[case]
        if name == "lock-order":
            text = "ALTER TABLE rooms ADD x int;\nALTER TABLE sessions ADD x int;\n", text
            found = lint([migration(f"000{version}_x", each) for version, each in enumerate(text, 2)], None)
        else:
            found = tuple(find(second(text, transactional=not text.startswith("-- transactional: false"))))
        assert {hazard.rule for hazard in found} == {name}

    @pytest.mark.parametrize("case", [case for case in UNSAFE if case not in OF_ALL])
    def test_own_tables(self, case: str) -> None:
        """What a file does to what it makes itself is nobody's concern."""
        made = "".join(f"CREATE TABLE {name} (id int);\n" for name in ("sessions", "rooms", "parts", "plays", "visits"))
        made += "CREATE SCHEMA old;\nCREATE FUNCTION is_title(text) RETURNS int LANGUAGE sql AS 'SELECT 1';\n"
        made += "CREATE TYPE mood AS ENUM ('glad');\nCREATE MATERIALIZED VIEW totals AS SELECT 1;\n"
        assert rules(made + UNSAFE[case][1]) == (["upkeep"] if "REINDEX INDEX" in UNSAFE[case][1] else [])

    @pytest.mark.parametrize("case", NOTHING)
    def test_safe(self, case: str) -> None:
        """What takes no time, and what nobody can know, is no finding."""
        assert rules(NOTHING[case]) == []

    def test_proven(self) -> None:
        """SET NOT NULL behind a file that validates a constraint of the table is taken to be proven."""
        validated = second("ALTER TABLE sessions VALIDATE CONSTRAINT c;\n")
        last = migration("0003_last", "ALTER TABLE sessions ALTER id SET NOT NULL;\n")
        assert lint((FIRST, validated, last), None) == ()
        assert [hazard.rule for hazard in lint((FIRST, last), None)] == ["set-not-null"]

    def test_batch(self) -> None:
        """A change of every row is safe where it runs in batches."""
        assert find(second("DELETE FROM sessions;\n", batch=Batch(5000), transactional=False)) == []
        assert rules("DELETE FROM sessions;\n", transactional=False) == ["whole-table"]

    def test_within(self) -> None:
        """A change of every row is found wherever it stands in a statement."""
        (hazard,) = find(second("WITH old AS (DELETE FROM sessions RETURNING *) SELECT count(*) FROM old;\n"))
        assert (hazard.rule, hazard.message, hazard.help) == (
            "whole-table",
            "every row of sessions is deleted in one transaction: writes to them wait until it ends",
            "write it as a statement of its own, in batches: a file with `-- batch: 5000 pause 100ms` cannot have a "
            "WITH that writes",
        )

    def test_locks_between_transactions(self) -> None:
        """In a file that is no transaction, no lock lasts beyond its statement."""
        text = "ALTER TABLE rooms ADD x int;\nDELETE FROM sessions WHERE title IS NULL;\n"
        assert rules(text) == ["backfill"]
        assert rules(text, transactional=False) == []


class TestHazard:
    def test_whole(self) -> None:
        """A hazard has the place of its command, the lock in plain words, and the safe form with the file's names."""
        text = "\n  ALTER TABLE sessions\n    ADD fee int,\n    ALTER COLUMN title SET NOT NULL;\n"
        (hazard,) = find(second(text))
        assert hazard == Hazard(
            rule="set-not-null",
            level=Level.DANGER,
            version=2,
            path="migrations/tenant/0002_second.sql",
            line=4,
            column=5,
            message="ACCESS EXCLUSIVE on sessions: reads and writes wait while every row is searched for a null in "
            "title",
            help="validate a check first, which takes no strong lock while it reads the rows: SET NOT NULL then reads "
            "none:\n"
            "ALTER TABLE sessions ADD CONSTRAINT sessions_title_given CHECK (title IS NOT NULL) NOT VALID;\n"
            "-- in a later file\n"
            "ALTER TABLE sessions VALIDATE CONSTRAINT sessions_title_given;\n"
            "-- in a later file\n"
            "ALTER TABLE sessions ALTER COLUMN title SET NOT NULL;\n"
            "ALTER TABLE sessions DROP CONSTRAINT sessions_title_given;",
            relations=("public.sessions",),
            harm=Harm.LARGE,
            weighed=("public.sessions",),
        )

    def test_order(self) -> None:
        """Hazards stand in the order of files and places, whatever their rules."""
        text = "ALTER TABLE rooms DROP a;\nLOCK sessions;\nALTER TABLE rooms DROP b, ALTER c TYPE int;\n"
        found = lint((FIRST, second(text), migration("0003_last", "DROP TABLE rooms;\n")), None)
        assert [(hazard.version, hazard.line, hazard.column, hazard.rule) for hazard in found] == [
            (2, 1, 19, "drop"),
            (2, 2, 1, "lock-table"),
            (2, 3, 19, "drop"),
            (2, 3, 27, "column-type"),
            (3, 1, 1, "drop"),
        ]

    def test_advice(self) -> None:
        """The texts of the files that a help shows are found in it again."""
        (hazard,) = find(second("CREATE INDEX ON sessions (title);\n"))
        assert split_advice(hazard.help) == (
            "-- transactional: false\nCREATE INDEX CONCURRENTLY ON sessions (title);\n",
        )


class TestMeasured:
    def test_measurement_counts(self) -> None:
        """What was measured outdoes the syntax: a change of type that only changes the catalog is no finding."""
        text = "ALTER TABLE sessions ALTER title TYPE varchar(900)"
        locks = (Lock("public.sessions", ALL),)
        assert find(second(text), [Measured(0, text, locks)]) == []
        (hazard,) = find(second(text), [Measured(0, text, locks, ("public.sessions",), ("public.sessions",))])
        assert hazard.rule == "column-type"

    def test_unmeasured(self) -> None:
        """A statement that was not measured is told of by its syntax, and so is that nothing more is known of it."""
        text = "ALTER TABLE sessions ALTER title TYPE varchar(900)"
        unknown, known = find(second(text), [Measured(0, text, unmeasured="of\na bug", hint="report it")])
        assert known.rule == "column-type"
        assert (unknown.rule, unknown.level, unknown.line, unknown.help) == (
            "unmeasured",
            Level.DANGER,
            1,
            "report it",
        )
        assert unknown.message == "its locks, rewrites and full scans are unknown: of a bug"

    def test_unmeasured_file(self) -> None:
        """A file that was not measured is one finding, at its first statement, which a header can allow."""
        text = "-- x\nSELECT 1;\nSELECT 2;\n"
        effects = [Measured(5, "SELECT 1", unmeasured="no"), Measured(15, "SELECT 2", unmeasured="no")]
        (hazard,) = find(second(text), effects)
        assert (hazard.rule, hazard.line, hazard.column, hazard.allowed) == ("unmeasured", 2, 1, "")
        (hazard,) = find(second(text, Allowance("unmeasured", "it was read", 1)), effects)
        assert (hazard.rule, hazard.allowed) == ("unmeasured", "it was read")

    def test_nothing_to_measure(self) -> None:
        """A file without statements has nothing that could be unknown."""
        assert find(second("-- nothing\n"), []) == []

    def test_general(self) -> None:
        """A rewrite that no particular rule knows is told by the general one, and one that is known is told once."""
        table = "public.sessions"
        block, column = "DO 'x'", "ALTER TABLE sessions ADD a float DEFAULT random()"
        rewritten = [Measured(0, block, (Lock(table, ALL),), (table,), (table,))]
        assert [hazard.rule for hazard in find(second(block), rewritten)] == ["table-rewrite"]
        rewritten = [replace(rewritten[0], text=column)]
        assert [hazard.rule for hazard in find(second(column), rewritten)] == ["volatile-default"]

    def test_schema(self) -> None:
        """A name without schema is what was locked, wherever the server found it."""
        text = "LOCK sessions"
        (hazard,) = find(second(text), [Measured(0, text, (Lock("studio.sessions", ALL),))])
        assert (hazard.message, hazard.relations) == (
            "ACCESS EXCLUSIVE on studio.sessions: reads and writes wait until the commit",
            ("studio.sessions",),
        )


class TestAllow:
    def test_reason(self) -> None:
        """What the header allows is found, with the reason; another rule's finding is not allowed by it."""
        file = second("-- x\nLOCK sessions;\nDROP TABLE rooms;\n", Allowance("lock-table", "it is small", 1))
        assert [(hazard.rule, hazard.allowed) for hazard in find(file)] == [("lock-table", "it is small"), ("drop", "")]

    def test_unknown(self) -> None:
        """An allowance of a rule that does not exist is told of with those that do, at its line."""
        (hazard,) = find(second("-- é\n-- x\nSELECT 1;\n", Allowance("indexes", "it is small", 2)))
        assert (hazard.rule, hazard.level, hazard.line, hazard.column) == ("allow", Level.CAUTION, 2, 1)
        assert hazard.message == f"'indexes' is not a rule, expected one of {', '.join(sorted(RULES))}"

    def test_stale(self) -> None:
        """An allowance that finds nothing is told of where all was measured: without, nobody knows."""
        file = second("SELECT 1;\n", Allowance("index", "it is small", 1))
        (hazard,) = find(file, [Measured(0, "SELECT 1")])
        assert (hazard.rule, hazard.message) == ("allow", "the file has nothing that index would find")
        assert hazard.help == "remove the line: it would hide a danger that a later edit adds"
        assert find(file) == []

    def test_unmeasured_elsewhere(self) -> None:
        """That a file may be unmeasured is no stale allowance where it was measured: another machine needs it."""
        assert find(second("SELECT 1;\n", Allowance("unmeasured", "it was read", 1)), [Measured(0, "SELECT 1")]) == []

    def test_foreign(self) -> None:
        """The rules of another program are not ours to know."""
        assert find(second("SELECT 1;\n", Allowance("squawk/x", "it is small", 1)), [Measured(0, "SELECT 1")]) == []


def test_rules() -> None:
    """Every rule is found by its own name, and says what it is about and what to do in short."""
    assert {name: rule.name for name, rule in RULES.items()} == {name: name for name in RULES}
    assert list(RULES) == sorted(RULES)
    for rule in RULES.values():
        assert not rule.title.endswith(".")
        assert not rule.help.endswith(".")
