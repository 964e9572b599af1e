"""The documents say what the program does: help texts, formats, names, links, examples.

`python -m tests.unit.test_docs` writes the help texts into README.md anew.
"""

import ast
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner

import tenantry.verbs.status
from tenantry import cli, sqltext
from tenantry.apply import run as apply
from tenantry.config.reading import parse
from tenantry.files.directory import read_migrations
from tenantry.files.header import _KEYS, parse_header
from tenantry.ledger.ledger import LAYOUT
from tenantry.lint.ruleset import RULES
from tenantry.model import AppliedMigration, Migration, MigrationStatus, Origin, Plan, Progress, RowState, State, errors
from tenantry.model.checksum import checksum, normalise
from tenantry.model.effects import Lock, LockMode, Measured
from tenantry.model.errors import MigrationFileError, Problem, RunnerError
from tenantry.model.events import Event, RunFinished, RunStarted, Verdict
from tenantry.model.hazards import Hazard, Level
from tenantry.model.outcome import exit_code
from tenantry.model.results import Blocker, Failure, LockWait, MeasuredStatement, Result, TableSize
from tenantry.postgres.runner_lock import LOCK_KEY
from tenantry.reports.jsonl import to_json
from tenantry.verbs.verb import VERBS
from tests.places import ROOT

README = ROOT / "README.md"
FORMATS = ROOT / "docs" / "formats.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
DOCUMENTS = (README, FORMATS, CONTRIBUTING, ROOT / "CHANGELOG.md")

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#]*)(?:#([^)]*))?\)")
CODE = re.compile(r"`([^`]+)`")

FILE = Migration(12, "rates", "t/0012_rates.sql", "sha256:00", "SELECT 1;\n", "SELECT 1;\n")
NOW = datetime(2026, 11, 22, tzinfo=UTC)
ROW = AppliedMigration(
    12, "rates", "sha256:00", Origin.APPLIED, RowState.APPLIED, "tenant", "1", NOW, 1, 1, 1, "app (ann@host)"
)
STATUS = MigrationStatus(12, State.APPLIED, FILE, ROW)
FAILURE = Failure("syntax error", "42601")

# A value for every field that an event has.
SAMPLES: Mapping[str, Any] = {
    "verb": "migrate",
    "run_id": "r",
    "tenants": ("1",),
    "tenant": "1",
    "problem": Problem("t: wrong"),
    "server": "main",
    "database": "tenant_1",
    "server_version": 170010,
    "look": "psql",
    "statuses": (STATUS,),
    "plan": Plan((FILE,), (STATUS,)),
    "waited_ms": 1,
    "rolled_back": True,
    "holder": "pid 1",
    "migration": FILE,
    "failure": FAILURE,
    "attempt": 1,
    "attempts": 8,
    "wait": LockWait("ACCESS EXCLUSIVE", "rooms", (Blocker(1),)),
    "elapsed_ms": 1,
    "rows": 20,
    "total": 50,
    "rate": 10,
    "held": "",
    "reason": "held by pid 7",
    "severity": "NOTICE",
    "message": "skipping",
    "cells": {"version": "0012"},
    "detail": "",
    "hazard": Hazard("rule", Level.DANGER, 12, "t/0012_rates.sql", 1, 1, "waits", "do not"),
    "excerpt": "1 | SELECT 1",
    "fingerprint": "00",
    "sizes": (TableSize("public.rooms", "1", 8192, -1),),
    "statements": (MeasuredStatement(1, 1, Measured(0, "SELECT 1", (Lock("public.rooms", LockMode.SHARE),))),),
    "sql": "SELECT 1;",
    "changes": ("name becomes rates",),
    "version": 12,
    "text": "line",
    "verdict": Verdict(Result.APPLIED),
    "stopped_by": "",
}


def read_section(text: str, heading: str) -> str:
    """Return what stands between a heading and the next heading of any level."""
    return re.split(r"^#+ ", text.split(f"\n{heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def read_table(text: str, heading: str, first: str) -> list[list[str]]:
    """Return the cells of the rows of the table under a heading whose first column has the title `first`."""
    rows: list[list[str]] = []
    for line in read_section(text, heading).split(f"\n| {first} |", 1)[1].splitlines()[2:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def name(cell: str) -> str:
    """Return the code in a cell, or its text where there is none."""
    found = CODE.match(cell)
    return found[1] if found else cell


def read_fences(path: Path, language: str) -> list[str]:
    """Return what stands in the blocks of a language, in order."""
    return [body for found, body in FENCE.findall(path.read_text("utf-8")) if found == language]


# README


def render_help(verb: str) -> str:
    """Return the help of a verb, or of the command where `verb` is empty, as a terminal of 80 columns shows it."""
    # click leaves two of the columns free.
    asked = [verb, "--help"] if verb else ["--help"]
    done = CliRunner().invoke(cli._cli, asked, prog_name="tenantry", terminal_width=78)
    assert done.exit_code == 0
    return done.output


def write_help(text: str) -> str:
    """Return the README with the first block of text under the heading of each verb made anew."""
    for verb in ("", *VERBS):
        heading = f"### {verb}" if verb else "## The verbs"
        before, found, after = text.partition(f"\n{heading}\n")
        assert found, f"README.md: no section {heading!r}, expected one for each verb"
        lead, rest = re.split(r"^```text\n.*?^```$", after, maxsplit=1, flags=re.MULTILINE | re.DOTALL)
        assert "\n#" not in lead, f"README.md: no block of text under {heading!r}, expected the help"
        text = f"{before}{found}{lead}```text\n{render_help(verb)}```{rest}"
    return text


def test_readme_has_the_help_of_every_verb() -> None:
    """The README shows what `--help` of the command and of each verb prints, to the letter."""
    text = README.read_text("utf-8")
    assert text == write_help(text), "run `python -m tests.unit.test_docs` to write the help texts anew"


def test_readme_notices_a_changed_help(monkeypatch: pytest.MonkeyPatch) -> None:
    """A help text that changes makes the README differ, in the section of that verb alone."""
    before = write_help(README.read_text("utf-8"))
    monkeypatch.setattr(tenantry.verbs.status, "VERB", replace(tenantry.verbs.status.VERB, help="Show something else."))
    after = write_help(before)
    differing = [verb for verb in VERBS if read_section(after, f"### {verb}") != read_section(before, f"### {verb}")]
    assert differing == ["status"]
    assert "Show something else." in read_section(after, "### status")


def test_readme_notices_a_missing_section() -> None:
    """A verb without a section is named."""
    text = README.read_text("utf-8").replace("\n### forget\n", "\n### forgotten\n")
    with pytest.raises(AssertionError, match="no section '### forget', expected one for each verb"):
        write_help(text)


@pytest.mark.parametrize("example", read_fences(README, "yaml"), ids=lambda text: text.splitlines()[1].strip())
def test_yaml_examples_are_right(example: str) -> None:
    """Every tenants.yaml of the README is read without a mistake and without a warning."""
    environment = {"DB_PASSWORD": "x", "ARCHIVE_URL": "postgresql://db2.example.org/", "DATABASE_URL": "host=db3"}
    assert parse(example, path=Path("tenants.yaml"), env=environment).warnings == ()


@pytest.mark.parametrize("example", read_fences(README, "sql"), ids=lambda text: text.splitlines()[0])
def test_sql_examples_are_right(example: str) -> None:
    """The parser finds nothing wrong with any SQL of the README, run as its header says."""
    header, problems = parse_header(example)
    assert problems == ()
    assert sqltext.check(example, transactional=header.transactional) == ()


def test_rules_are_those_written_down() -> None:
    """The README has every rule of lint, with its level and what it finds, in order."""
    rows = read_table(README.read_text("utf-8"), "### lint", "rule")
    assert [[name(rule), level, title] for rule, level, title in rows] == [
        [rule.name, rule.level.value, rule.title] for rule in RULES.values()
    ]


# docs/formats.md


def test_checksum_example_is_right(tmp_path: Path) -> None:
    """The commands of the worked example print the checksums that stand there, and tenantry has the same."""
    if not (shutil.which("perl") and shutil.which("sha256sum")):
        pytest.skip("no perl or no sha256sum")
    lines = next(body for body in read_fences(FORMATS, "console") if "sha256sum" in body).splitlines()
    commands = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    done = subprocess.run(
        ["bash", "-ec", "\n".join(commands)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [line for line in lines if not line.startswith("$ ")]
    digest = checksum(normalise((tmp_path / "0012_rates.sql").read_bytes())).removeprefix("sha256:")
    assert done.stdout.splitlines() == [f"{digest}  -"] * 2


@pytest.mark.parametrize("cells", read_table(FORMATS.read_text("utf-8"), "## File names", "name"), ids=lambda c: c[0])
def test_file_names_are_read_as_written_down(cells: list[str], tmp_path: Path) -> None:
    """A name of the table is what the table says: a version and a name, refused, or not looked at."""
    (tmp_path / "0000_first.sql").write_text("SELECT 1;\n")
    (tmp_path / name(cells[0])).write_text("SELECT 1;\n")
    try:
        read = [f"version {m.version}, `{m.name}`" for m in read_migrations(tmp_path, "t").migrations[1:]]
    except MigrationFileError:
        read = ["refused"]
    assert cells[1:] == (read or ["not looked at"])


def test_header_keys_are_those_written_down() -> None:
    """Every key that there is stands in the table, and is read with its values."""
    text = FORMATS.read_text("utf-8")
    examples = {
        "transactional": ("true", "false"),
        "depends": ("0001_a",),
        "parse": ("server",),
        "lock-timeout": ("2s",),
        "statement-timeout": ("10min", "0s"),
        "lint": ("allow table-rewrite because it is small",),
        "replaces": (f"sha256:{'0' * 64}",),
        "require": ("SELECT true", "\n-- ```\n-- SELECT true\n-- ```", "\n-- ```sql\n-- SELECT true\n-- ```"),
        "ensure": ("SELECT true",),
        "batch": ("5000\n-- transactional: false", "5000 pause 100ms\n-- transactional: false"),
    }
    assert examples.keys() == _KEYS
    assert [name(key) for key, *_ in read_table(text, "## The header", "key")] == list(examples)
    for key, values in examples.items():
        assert [parse_header(f"-- {key}: {value}\nSELECT 1;\n")[1] for value in values] == [()] * len(values)


def read_created() -> dict[str, dict[str, str]]:
    """Return column to type of each table of the ledger, from the SQL that makes it; checks are left out."""
    folder = ROOT / "runner" / "ledger" / "sql"
    sql = "".join((folder / name).read_text("utf-8") + "\n" for name in ("create.sql", "create_repeatable.sql"))
    tables: dict[str, dict[str, str]] = {}
    for table, body in re.findall(r"^CREATE TABLE \{schema\}\.(\w+) \(\n(.*?)^\);$", sql, re.MULTILINE | re.DOTALL):
        columns = [line.strip().rstrip(",").split(" ", 1) for line in body.splitlines()]
        tables[table] = {column: re.sub(r" CHECK \(.*", "", kind) for column, kind in columns}
    return tables


@pytest.mark.parametrize("table", ["_migrations", "_migrations_log", "_migrations_repeatable"])
def test_ledger_columns_are_those_written_down(table: str) -> None:
    """The columns of a table of the ledger stand there, in order, with their types."""
    rows = read_table(FORMATS.read_text("utf-8"), f"### {table}", "column")
    assert {name(column): name(kind) for column, kind, _ in rows} == read_created()[table]
    assert [name(column) for column, *_ in rows] == list(read_created()[table])


def find_log_events() -> set[str]:
    """Return the words that the code writes into the log's column `event`."""
    calls = {"log", "_compose_line"}
    words = {event for event, _ in apply._ENDS.values()}
    writers = [ROOT / "runner" / "ledger" / name for name in ("ledger.py", "repeatables.py")]
    for node in (node for path in writers for node in ast.walk(ast.parse(path.read_text("utf-8")))):
        if isinstance(node, ast.Call) and _called(node.func) in calls:
            words |= {a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)}
    return words


def _called(function: ast.expr) -> str:
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )


def test_log_events_are_those_written_down() -> None:
    """The words in the log are the words in formats.md."""
    rows = read_table(FORMATS.read_text("utf-8"), "### _migrations_log", "event")
    assert {name(word) for word, _ in rows} == find_log_events()


def test_log_events_are_those_of_the_comment() -> None:
    """The comment on the log's column `event`, which a DBA reads, names every word that can stand there."""
    sql = (ROOT / "runner" / "ledger" / "sql" / "create.sql").read_text("utf-8")
    found = re.search(r"_migrations_log\.event IS '([^']*)'", sql)
    assert found is not None
    assert set(found[1].split(", ")) == find_log_events()


def test_layout_and_lock_are_those_written_down() -> None:
    """The number of the layout and the key of the lock stand there as they are in the code."""
    text = FORMATS.read_text("utf-8")
    assert f"begins with `tenantry ledger, layout {LAYOUT}`" in read_section(text, "## The ledger")
    assert f"the key `{LOCK_KEY}`" in read_section(text, "## The lock")


def find_codes() -> set[int]:
    """Return every exit code that a run can have."""
    verdicts = [Verdict(result) for result in Result] + [Verdict(Result.FAILED, trace="Traceback")]
    codes = {exit_code([verdict], signal) for verdict in verdicts for signal in ("", "SIGINT", "SIGTERM")}
    raised = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RunnerError)]
    return codes | {kind.exit_code for kind in raised}


@pytest.mark.parametrize(
    ("path", "heading"), [(README, "### Exit codes"), (FORMATS, "## Exit codes")], ids=["README", "formats"]
)
def test_exit_codes_are_those_written_down(path: Path, heading: str) -> None:
    """Both tables have every exit code, in order, and say which one wins."""
    text = path.read_text("utf-8")
    assert [int(code) for code, *_ in read_table(text, heading, "code")] == sorted(find_codes())
    assert "in the order 70, 130, 3, 6, 4, 5, 1." in read_section(text, heading)


def test_worst_exit_code_wins_as_written_down() -> None:
    """Of two codes, the one that stands first in the order is the one of the run."""
    verdicts = {exit_code([Verdict(result)]): Verdict(result) for result in Result}
    verdicts[70] = Verdict(Result.FAILED, trace="Traceback")
    verdicts[6] = Verdict(Result.STOPPED)  # a tenant that was not started leaves it to who kept it from that
    assert exit_code([verdicts[70]], "SIGINT") == 70
    assert exit_code([verdicts[3]], "SIGINT") == 130
    assert [exit_code([verdicts[b], verdicts[a]]) for a, b in pairwise((3, 6, 4, 5, 1, 0))] == [3, 6, 4, 5, 1]


def test_results_are_those_written_down() -> None:
    """Every way in which a tenant can end stands there, with its exit code."""
    rows = read_table(FORMATS.read_text("utf-8"), "## Exit codes", "result")
    assert {name(result): int(code) for result, code, _ in rows} == {r.value: exit_code([Verdict(r)]) for r in Result}


def write_events() -> Iterator[dict[str, Any]]:
    """Yield the line that `jsonl` writes for one event of each kind."""
    from tenantry.reports.formats import Call
    from tenantry.reports.jsonl import make_sink

    kinds = sorted(get_args(Event), key=lambda kind: (kind is not RunStarted, kind is RunFinished))
    stream = StringIO()
    write = make_sink(stream, Call("tenantry", "tenantry migrate"))
    for kind in kinds:
        write(kind(**{field.name: SAMPLES[field.name] for field in fields(kind)}))
    yield from map(json.loads, stream.getvalue().splitlines())


def test_events_are_those_written_down() -> None:
    """Every event of the JSON lines stands there, with all of its fields in order."""
    rows = read_table(FORMATS.read_text("utf-8"), "## JSON lines", "event")
    lines = {line["event"]: [key for key in line if key != "event"] for line in write_events()}
    assert {name(event): CODE.findall(keys) for event, keys, _ in rows} == lines
    assert [name(rows[0][0]), name(rows[-1][0])] == ["run_started", "run_finished"]


def test_objects_are_those_written_down() -> None:
    """Every object within an event stands there, with all of its fields in order."""
    lines = {line["event"]: line for line in write_events()}
    status = lines["tenant_compared"]["statuses"][0]
    measured = lines["migration_measured"]["statements"][0]
    objects = {
        "migration": lines["migration_started"]["migration"],
        "row": status["row"],
        "status": status,
        "plan": lines["tenant_planned"]["plan"],
        "failure": lines["migration_failed"]["failure"],
        "wait": lines["migration_retried"]["wait"],
        "blocker": lines["migration_retried"]["wait"]["blockers"][0],
        "progress": to_json(Progress("00")),
        "problem": lines["finding_reported"]["problem"],
        "verdict": lines["tenant_finished"]["verdict"],
        "hazard": lines["hazard_found"]["hazard"],
        "size": lines["hazard_found"]["sizes"][0],
        "measured statement": measured,
        "effect": measured["effect"],
        "lock": measured["effect"]["locks"][0],
    }
    rows = read_table(FORMATS.read_text("utf-8"), "### Objects", "object")
    assert {thing: CODE.findall(keys) for thing, keys in rows} == {k: list(v) for k, v in objects.items()}


# CONTRIBUTING.md


def read_layers() -> list[set[str]]:
    """Return the packages and modules of each line of the tree, from the top."""
    tree = next(body for body in read_fences(CONTRIBUTING, "") if "takeover/" in body)
    return [set(line.split()) for line in tree.splitlines()]


def test_tree_has_every_package() -> None:
    """The tree has each folder and each module at the top of the package, once."""
    package = ROOT / "runner"
    modules = {path.name for path in package.glob("*.py") if not path.name.startswith("__")}
    folders = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    layers = read_layers()
    assert sum(map(len, layers)) == len(modules | folders)
    assert set().union(*layers) == modules | folders


def test_tree_is_the_contract() -> None:
    """The lines of the tree are the layers that the linter checks."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = [set(re.findall(r"tenantry\.(\w+)", layer)) for layer in contracts[0]["layers"]]
    assert [{entry.removesuffix("/").removesuffix(".py") for entry in line} for line in read_layers()] == layers


# All documents


def find_anchors(path: Path) -> set[str]:
    """Return the anchors that the headings of a document have on the web."""
    return {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(path.read_text("utf-8"))
    }


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    """Every link in a document leads to a file of the repository, and to a heading where it names one."""
    dead = []
    for target, anchor in LINK.findall(path.read_text("utf-8")):
        file = (path.parent / target) if target else path
        if not file.is_file() or (anchor and anchor not in find_anchors(file)):
            dead.append(f"{target}#{anchor}" if anchor else target)
    assert dead == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_options_exist(path: Path) -> None:
    """Every option of tenantry that a document mentions is one that some verb has."""
    helps = "".join(render_help(verb) for verb in ("", *VERBS))
    text = FENCE.sub("", path.read_text("utf-8"))
    mentioned = {option for code in CODE.findall(text) for option in re.findall(r"(?<!\S)--[a-z][a-z-]+", code)}
    assert {option for option in mentioned if not re.search(rf"{option}(?![\w-])", helps)} == set()


if __name__ == "__main__":
    README.write_text(write_help(README.read_text("utf-8")), encoding="utf-8")
