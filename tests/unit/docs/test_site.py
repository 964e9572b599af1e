"""The site: it builds without a broken link, and takes nothing from another host."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import ROOT
from tests.unit.docs.markdown import DOCS, PAGES

ZENSICAL = Path(sys.executable).with_name("zensical")


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the pages of a folder as `make docs` does, into `.site` there."""
    command = [str(ZENSICAL), "build", "--clean", "--strict"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with the pages and the configuration of the site, and nothing else."""
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(DOCS, tmp_path / "docs")
    return tmp_path


def test_site_builds(checkout: Path) -> None:
    """Every page is in the site, and loads no script, style, font or picture of another host."""
    done = build(checkout)
    assert (done.returncode, done.stderr) == (0, "No issues found\n")
    built = list((checkout / ".site").rglob("index.html"))
    assert len(built) == len(PAGES)
    text = "".join(page.read_text("utf-8") for page in built)
    loaded = re.findall(r'<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)="([^"]+)', text)
    assert loaded != []
    assert [url for url in loaded if "//" in url] == []


def test_broken_links_stop_the_build(checkout: Path) -> None:
    """Links to a page, to a heading of another page and to one of this page are errors where there is none."""
    with (checkout / "docs" / "index.md").open("a", encoding="utf-8") as page:
        page.write("\n[a](gone.md) [b](start.md#gone) [c](#gone)\n")
    done = build(checkout)
    assert done.returncode != 0
    assert "3 issues found\n" in done.stderr
