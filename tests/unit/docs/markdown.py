"""Markdown as the tests read it: sections, tables, blocks, links, anchors; and which documents there are."""

import re
from pathlib import Path

from tests.places import ROOT

README = ROOT / "README.md"
CHANGELOG = ROOT / "CHANGELOG.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
FORMATS = REFERENCE / "formats.md"
PAGES = tuple(sorted(DOCS.rglob("*.md")))
DOCUMENTS = (README, CHANGELOG, CONTRIBUTING, *PAGES)

CODE = re.compile(r"`([^`]+)`")
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)#]*)(?:#([^)]*))?\)")


def show(path: Path) -> str:
    """Return the path of a document as a person types it."""
    return path.relative_to(ROOT).as_posix()


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
    return [body for _, found, body in _FENCE.findall(path.read_text("utf-8")) if found == language]


def drop_fences(text: str) -> str:
    """Return a text without its blocks of code."""
    return _FENCE.sub("", text)


def find_links(path: Path) -> list[tuple[str, str]]:
    """Return file and anchor of each link that leads to a place in the repository; both may be empty."""
    links = _LINK.findall(drop_fences(path.read_text("utf-8")))
    return [(target, anchor) for target, anchor in links if "://" not in target]


def find_anchors(path: Path) -> set[str]:
    """Return the anchors that the headings of a document have on the web; of a heading that is repeated, the first."""
    headings = _HEADING.findall(drop_fences(path.read_text("utf-8")))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
