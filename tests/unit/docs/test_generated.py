"""The generated parts: help, keys of tenants.yaml and rules of lint are shown as the program has them."""

from dataclasses import replace
from pathlib import Path

import pytest

import tenantry.verbs.status
from tenantry.lint.ruleset import RULES
from tenantry.verbs.verb import VERBS
from tests.unit.docs.generated import PARTS, render_help, write_part
from tests.unit.docs.markdown import README, REFERENCE, name, read_table, show

CLI = REFERENCE / "cli"


@pytest.mark.parametrize("path", PARTS, ids=show)
def test_generated_part_is_current(path: Path) -> None:
    """A page shows to the letter what the program tells of itself."""
    text = path.read_text("utf-8")
    assert text == write_part(path, text), "run `make docs` to write the generated parts again"


def test_every_verb_has_a_page() -> None:
    """There is a page for each verb, linked from the page of the command line in order, and no other page."""
    assert {path.stem for path in CLI.glob("*.md")} == {"index", *VERBS}
    index = (CLI / "index.md").read_text("utf-8")
    places = [index.index(f"[{verb}]({verb}.md)") for verb in VERBS]
    assert places == sorted(places)


def test_readme_lists_every_verb() -> None:
    """The README has a row for each verb, which links to its page."""
    rows = read_table(README.read_text("utf-8").replace("\n| | |\n", "\n| verb | |\n"), "## The verbs", "verb")
    linked = [cell for cell, _ in rows if not cell.startswith("**")]
    assert sorted(linked) == sorted(f"[`{verb}`](docs/reference/cli/{verb}.md)" for verb in VERBS)


def test_changed_help_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A help text that changes makes the page of that verb differ, and no other page."""
    monkeypatch.setattr(tenantry.verbs.status, "VERB", replace(tenantry.verbs.status.VERB, help="Show something else."))
    texts = {path: path.read_text("utf-8") for path in PARTS}
    differing = {path: after for path, text in texts.items() if (after := write_part(path, text)) != text}
    assert list(differing) == [CLI / "status.md"]
    assert "Show something else." in differing[CLI / "status.md"]


def test_missing_mark_is_named() -> None:
    """A page that has lost a mark of its generated part is named."""
    path = CLI / "forget.md"
    with pytest.raises(AssertionError, match=r"docs/reference/cli/forget\.md: no generated part, expected one between"):
        write_part(path, path.read_text("utf-8").replace("<!-- end", "<!-- end of something else"))


def test_help_is_printed_with_80_columns() -> None:
    """No line of a help text is wider than a terminal of 80 columns."""
    assert [line for verb in VERBS for line in render_help(verb).splitlines() if len(line) > 80] == []


def test_rules_are_those_written_down() -> None:
    """The page of rules has every rule of lint, with its level and its title, in order, and a section for each."""
    text = (REFERENCE / "lint-rules.md").read_text("utf-8")
    rows = read_table(text, "## The rules", "rule")
    assert [[name(rule.removeprefix("[")), level, title] for rule, level, title in rows] == [
        [rule.name, rule.level.value, rule.title] for rule in RULES.values()
    ]
    assert [rule for rule in RULES if f"\n### {rule}\n" not in text] == []
