"""Links and the table of contents: every one leads to a page and a heading that exist."""

from pathlib import Path

import pytest
import yaml

from tests.places import ROOT
from tests.unit.docs.markdown import DOCS, DOCUMENTS, PAGES, find_anchors, find_links, show

MKDOCS = ROOT / "mkdocs.yml"


@pytest.mark.parametrize("path", DOCUMENTS, ids=show)
def test_links_lead_somewhere(path: Path) -> None:
    """Every link in a document leads to a file of the repository, and to a heading where it names one."""
    dead = []
    for target, anchor in find_links(path):
        file = (path.parent / target) if target else path
        if not file.is_file() or (anchor and anchor not in find_anchors(file)):
            dead.append(f"{target}#{anchor}" if anchor else target)
    assert dead == []


@pytest.mark.parametrize("path", PAGES, ids=show)
def test_links_stay_within_the_site(path: Path) -> None:
    """No page links to a file outside `docs`, which a built site would not have."""
    targets = [(path.parent / target).resolve() for target, _ in find_links(path) if target]
    assert [target for target in targets if not target.is_relative_to(DOCS)] == []


def test_every_page_is_reachable() -> None:
    """Each page is linked from the home page, the README, or the page of the command line."""
    starts = [DOCS / "index.md", ROOT / "README.md", DOCS / "reference" / "cli" / "index.md"]
    linked = {(path.parent / target).resolve() for path in starts for target, _ in find_links(path) if target}
    assert [show(page) for page in PAGES if page not in linked and page != starts[0]] == []


def test_contents_have_every_page() -> None:
    """The table of contents of the site has each page once."""
    listed = sorted(list_entries(yaml.safe_load(MKDOCS.read_text("utf-8"))["nav"]))
    assert listed == sorted(page.relative_to(DOCS).as_posix() for page in PAGES)


def list_entries(nav: object) -> list[str]:
    """Return the pages of a table of contents, in order."""
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ()
    return [page for part in parts for page in list_entries(part)]
