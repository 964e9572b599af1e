"""squawk, the real program: what it says comes back as cautions, at the right places."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tenantry.lint.squawk import find_squawk, run_squawk
from tenantry.model import Allowance, Directives, Migration
from tenantry.model.errors import ConfigError, Problem
from tenantry.model.hazards import Hazard, Level
from tests.builders import migration

INDEX = "CREATE INDEX rooms_name ON rooms (name);\n"
CONCURRENTLY = "CREATE INDEX CONCURRENTLY rooms_name ON rooms (name);\n"


def ask(folder: Path, *migrations: Migration, major: int | None = 17) -> list[Hazard]:
    """Return what squawk says of the files."""
    return list(run_squawk(find_squawk(), migrations, folder, major))


def rules(hazards: list[Hazard]) -> list[tuple[str, int, int]]:
    """Return rule, line and column of each."""
    return [(hazard.rule, hazard.line, hazard.column) for hazard in hazards]


def test_finding(tmp_path: Path) -> None:
    """A finding is a caution under squawk's own name, with its message, its help and its place in the file."""
    hazards = ask(tmp_path, migration("0002_index", f"-- Names.\n{INDEX}"))
    assert hazards == [
        Hazard(
            "squawk/require-concurrent-index-creation",
            Level.CAUTION,
            2,
            "migrations/tenant/0002_index.sql",
            2,
            1,
            "During normal index creation, table updates are blocked, but reads are still allowed.",
            "Use `concurrently` to avoid blocking writes.",
        ),
        Hazard(
            "squawk/require-statement-timeout",
            Level.CAUTION,
            2,
            "migrations/tenant/0002_index.sql",
            2,
            1,
            "Missing `set statement_timeout` before potentially slow operations",
            "Configure a `statement_timeout` before this statement",
        ),
    ]


def test_column(tmp_path: Path) -> None:
    """A column counts characters, and not the bytes in which squawk counts."""
    (hazard,) = ask(tmp_path, migration("0002_x", "SELECT 'é€😀'; CREATE TABLE t (id int PRIMARY KEY);\n"))
    assert rules([hazard]) == [("squawk/prefer-bigint-over-int", 1, 34)]


def test_transaction(tmp_path: Path) -> None:
    """A file in a transaction is judged as one, and a file outside of it as what it is."""
    text = f"SELECT 1;\n{CONCURRENTLY}"
    within, outside = migration("0002_a", text), migration("0003_b", text, transactional=False)
    found = [hazard for hazard in ask(tmp_path, outside, within) if "in-transaction" in hazard.rule]
    assert [(hazard.version, *rules([hazard])[0]) for hazard in found] == [
        (2, "squawk/ban-concurrent-index-creation-in-transaction", 2, 14)
    ]


def test_blanked_transaction(tmp_path: Path) -> None:
    """What squawk reads is what is sent: a BEGIN around the whole file is not there."""
    file = migration("0002_a", "BEGIN;\nSELECT 1;\nCOMMIT;\n")
    assert ask(tmp_path, replace(file, sql="      \nSELECT 1;\n       \n")) == []


def test_timeouts(tmp_path: Path) -> None:
    """Nothing is said of a timeout that the runner or the file's header sets."""
    file = replace(migration("0002_index", INDEX), directives=Directives(statement_timeout_ms=1000))
    assert {hazard.rule for hazard in ask(tmp_path, file)} == {"squawk/require-concurrent-index-creation"}


def test_allowed(tmp_path: Path) -> None:
    """A finding that the header allows carries the reason, and no other one does."""
    allowance = Allowance("squawk/require-concurrent-index-creation", "the table is small", 1)
    file = replace(migration("0002_index", INDEX), directives=Directives(allowed=(allowance,)))
    assert [hazard.allowed for hazard in ask(tmp_path, file)] == ["the table is small", ""]


def test_version(tmp_path: Path) -> None:
    """The version of the server counts: what rewrote a table once does so no more."""
    file = migration("0002_x", "ALTER TABLE rooms ADD COLUMN rate bigint DEFAULT 1;\n")
    found = {major: {hazard.rule for hazard in ask(tmp_path, file, major=major)} for major in (10, 17)}
    assert found[10] - found[17] == {"squawk/adding-field-with-default"}


def test_configuration(tmp_path: Path) -> None:
    """A .squawk.toml of the project counts."""
    (tmp_path / ".squawk.toml").write_text('excluded_rules = ["require-statement-timeout"]\n', "utf-8")
    found = ask(tmp_path, migration("0002_index", INDEX))
    assert rules(found) == [("squawk/require-concurrent-index-creation", 1, 1)]


def test_bad_configuration(tmp_path: Path) -> None:
    """Where squawk does not run, its own words say why."""
    (tmp_path / ".squawk.toml").write_text("[x\n", "utf-8")
    with pytest.raises(ConfigError) as caught:
        ask(tmp_path, migration("0002_index", INDEX))
    reason = "Configuration error: expected a right bracket, found a newline at line 1 column 3"
    assert caught.value.problems == (Problem(f"squawk: {reason}", "leave out --squawk to go on without it"),)


def test_no_file(tmp_path: Path) -> None:
    """No file is no finding, and squawk is not run on its own folder instead."""
    (tmp_path / "0002_index.sql").write_text(INDEX, "utf-8")
    assert ask(tmp_path) == []


def test_missing_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no squawk, the error says how to get it."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        find_squawk()
    assert caught.value.problems == (
        Problem(
            "--squawk: there is no program squawk, expected it beside tenantry or on PATH",
            "install it with `pip install squawk-cli`, or leave out --squawk",
        ),
    )
