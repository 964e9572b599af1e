"""The examples in all documents: tenants.yaml is read, SQL is checked, other YAML loads, options exist."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import bench.__main__
from tenantry import sqltext
from tenantry.config.reading import parse
from tenantry.files.header import parse_header
from tenantry.verbs.verb import VERBS
from tests.places import ROOT
from tests.unit.docs.generated import render_help
from tests.unit.docs.markdown import CODE, DOCUMENTS, REFERENCE, drop_fences, name, read_fences, read_table, show

# The first line of YAML that is not tenants.yaml names the file.
OTHER_YAML = re.compile(r"# (\S+\.ya?ml)\n")
HOOKS = ".pre-commit-config.yaml"
# For tools that read their files themselves; those of this repository are tried in tests/acceptance/test_packages.py.
FOREIGN = (".github/workflows/migrations.yml", ".gitlab-ci.yml")


def find_examples(language: str) -> list[Any]:
    """Return each example of a language as a case, named by its document and its number there."""
    return [
        pytest.param(example, id=f"{show(path)} {number}")
        for path in DOCUMENTS
        for number, example in enumerate(read_fences(path, language), 1)
    ]


@pytest.mark.parametrize("example", find_examples("yaml"))
def test_yaml_examples_are_right(example: str) -> None:
    """Every tenants.yaml is read without a mistake and without a warning; other files are those of known tools."""
    other = OTHER_YAML.match(example)
    if other and other[1] in FOREIGN:
        assert yaml.safe_load(example)
        return
    if other:
        assert other[1] == HOOKS
        assert_hooks_exist(example)
        return
    environment = {"DB_PASSWORD": "x", "ARCHIVE_URL": "postgresql://db2.example.org/", "DATABASE_URL": "host=db3"}
    assert parse(example, path=Path("tenants.yaml"), env=environment).warnings == ()


def assert_hooks_exist(example: str) -> None:
    """Fail unless every hook that a configuration of pre-commit names is one of this repository."""
    ours = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))}
    named = {hook["id"] for repository in yaml.safe_load(example)["repos"] for hook in repository["hooks"]}
    assert named == ours


@pytest.mark.parametrize("example", find_examples("sql"))
def test_sql_examples_are_right(example: str) -> None:
    """The parser finds nothing wrong with any SQL, run as its header says."""
    header, problems = parse_header(example)
    assert problems == ()
    assert sqltext.check(example, transactional=header.transactional) == ()


@pytest.mark.parametrize("path", DOCUMENTS, ids=show)
def test_options_exist(path: Path) -> None:
    """Every option that a document mentions is one that some verb has, or the benchmark."""
    helps = "".join(render_help(verb) for verb in ("", *VERBS))
    if path.name == "benchmark.md":
        helps += CliRunner().invoke(bench.__main__.main, ["--help"]).output
    text = drop_fences(path.read_text("utf-8"))
    mentioned = {option for code in CODE.findall(text) for option in re.findall(r"(?<!\S)--[a-z][a-z-]+", code)}
    assert {option for option in mentioned if not re.search(rf"{option}(?![\w-])", helps)} == set()


def test_commands_exist() -> None:
    """Every command of tenantry in an example begins with a verb that exists, and has options of that verb."""
    lines = [line for path in DOCUMENTS for body in read_fences(path, "console") for line in body.splitlines()]
    commands = [
        found[1].split() for line in lines if (found := re.match(r"\$ (?:.* )?(?:\S*/)?tenantry ([^>]+)", line))
    ]
    assert commands
    for verb, *words in commands:
        options = {word.partition("=")[0] for word in words if word.startswith("--") and len(word) > 2}
        assert {option for option in options if f"{option} " not in render_help(verb)} == set(), (verb, words)


def test_variables_are_those_written_down() -> None:
    """Every environment variable of tenantry stands in the table, and no other one."""
    rows = read_table((REFERENCE / "environment.md").read_text("utf-8"), "## Variables of tenantry", "variable")
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "runner").rglob("*.py"))
    # The name of a server follows the prefix.
    read = {found.removesuffix("_") for found in re.findall(r"\bTENANTRY_[A-Z_]+", sources)}
    assert {name(cell).removesuffix("_NAME") for cell, _ in rows} == read
