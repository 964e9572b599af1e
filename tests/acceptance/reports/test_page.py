"""The page of a run in a real Chromium: filter, search, links, keyboard, hostile names, and who can read it."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tenantry.model.errors import Problem
from tenantry.model.events import (
    Event,
    FindingReported,
    ProjectDescribed,
    TenantFinished,
    TenantStarted,
    Verdict,
    WarningRaised,
)
from tenantry.model.results import Result
from tenantry.model.tenants import DatabaseFacts
from tenantry.reports.html.page import compose
from tenantry.reports.summary import RunSummary
from tests.unit.reports.fleet import tell_fleet
from tests.unit.reports.story import CALL, run_on, tell, tell_plan

CHROMIUM = shutil.which("chromium")
# Scripts, markup, quotes, controls and turns of the direction of text.
TAKE = "document.title='taken'"
EVIL = f'</script><script>{TAKE}</script><img src=x onerror="{TAKE}">\'"&\u202eabc\x00\x1b[2J'

pytestmark = pytest.mark.slow


@dataclass(slots=True)
class Opened:
    """A page, and what it did besides showing itself: requests, lines of the console, errors."""

    page: Page
    heard: list[str] = field(default_factory=list)

    def rows(self) -> list[str]:
        """Return the first cell of each row of the tenants."""
        cells = self.page.locator("#tenants tbody tr.row td:first-child .name")
        return [text.strip() for text in cells.all_inner_texts()]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return Debian's Chromium, which .ci/run installs."""
    assert CHROMIUM, "chromium: not found, expected Debian's package of this name"
    with sync_playwright() as playwright:
        # Its sandbox needs a user other than root; the pages are our own.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Any]:
    """Return a callable that opens the page of a run, which asks for nothing and complains of nothing."""
    contexts = []
    pages: list[Opened] = []

    def open_page(events: Iterable[Event], fragment: str = "", scheme: Literal["light", "dark"] = "light") -> Opened:
        summary = RunSummary()
        for event in events:
            summary.add(event)
        path = tmp_path / f"run{len(pages)}.html"
        path.write_text(compose(summary, CALL, ""), "utf-8")
        contexts.append(browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900}))
        one = Opened(contexts[-1].new_page())
        one.page.on("console", lambda message: one.heard.append(message.text))
        one.page.on("pageerror", lambda error: one.heard.append(str(error)))
        one.page.on("request", lambda asked: one.heard.append(asked.url) if asked.url[:5] != "file:" else None)
        one.page.goto(f"{path.as_uri()}{fragment}")
        pages.append(one)
        return one

    yield open_page
    assert [line for one in pages for line in one.heard] == []
    for context in contexts:
        context.close()


def test_filter_and_search(opened: Any) -> None:
    """2,000 tenants are groups at first; a state, words and a group show those that are meant, 100 at a time."""
    one = opened(tell_fleet(2000))
    assert one.page.title().startswith("14 failed, 7 blocked of 2,000 tenants")
    assert one.rows() == ["14 tenants", "7 tenants", "660 tenants", "1,319 tenants"]
    one.page.get_by_role("button", name="14 failed").click()
    assert one.rows() == ["14 tenants"]
    one.page.get_by_role("button", name="Each tenant").click()
    assert one.rows()[:3] == ["51", "245", "342"]
    assert len(one.rows()) == 14
    one.page.get_by_role("button", name="14 failed").click()
    assert len(one.rows()) == 100
    search = one.page.get_by_role("searchbox", name="Search tenants")
    search.fill("tier=internal eu1 Studio 11")
    assert set(one.rows()) <= {str(number) for number in range(2001) if number % 10 == 1 and number % 3 == 1}
    assert "1171" in one.rows()
    search.press("Escape")
    assert one.page.get_by_text("2,000 tenants", exact=True).is_visible()


def test_sort(opened: Any) -> None:
    """A column sorts by what it shows, and says so to those who cannot see it."""
    one = opened(tell_fleet(120))
    one.page.get_by_role("button", name="Each tenant").click()
    one.page.get_by_role("button", name="Behind", exact=True).click()
    assert one.rows()[0] == "51"
    header = one.page.get_by_role("columnheader", name="Behind")
    assert header.get_attribute("aria-sort") == "descending"


def test_link(opened: Any) -> None:
    """A fragment leads to one tenant among thousands, whose details are open and which has the focus."""
    one = opened(tell_fleet(2000), "#tenant=1215")
    assert one.page.evaluate("document.activeElement.innerText") == "1215"
    detail = one.page.locator("tr.detail")
    assert "0039_bookings" in detail.inner_text()
    assert 'column "hourly_rate" of relation "rooms" contains null values' in detail.inner_text()
    assert detail.is_visible()
    # From the list of a cause as well.
    one.page.locator("#problems").get_by_role("link", name="51", exact=True).click()
    assert one.page.evaluate("document.activeElement.innerText") == "51"


def test_keyboard(opened: Any) -> None:
    """Search has a key, and a tenant is opened and closed without a mouse."""
    one = opened(tell_fleet(30))
    one.page.keyboard.press("/")
    one.page.keyboard.type("tenant_7")
    assert one.rows() == ["7"]
    button = one.page.get_by_role("button", name="7", exact=True)
    button.press("Enter")
    assert one.page.get_by_text("cd" * 32).is_visible()
    one.page.get_by_role("button", name="7", exact=True).press("Enter")
    assert one.page.locator("tr.detail").count() == 0


def test_hostile_names(opened: Any) -> None:
    """Whatever a name or a message holds is shown as text, and runs nothing."""
    described = ProjectDescribed((DatabaseFacts(EVIL, "tenant", EVIL, EVIL, EVIL, {EVIL: EVIL}),), ())
    finding = FindingReported(EVIL, Problem(EVIL, EVIL), EVIL)
    verdict = Verdict(Result.FAILED, EVIL, EVIL, EVIL)
    events: list[Event] = [described, TenantStarted(EVIL), WarningRaised(EVIL, Problem(EVIL, EVIL)), finding]
    one = opened(run_on((EVIL, "2"), *events, TenantFinished(EVIL, verdict, 5)))
    one.page.locator("button.name").first.click()
    assert one.page.title() != "taken"
    assert "</script><script>" in one.page.locator("tr.detail").inner_text()
    assert "\\u202eabc\\x00\\x1b[2J" in one.page.locator("tr.detail").inner_text()
    assert one.page.locator("img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["small", "large", "story", "plan"])
def test_everybody_can_read_it(opened: Any, name: str, scheme: str) -> None:
    """Axe finds no violation, in light and in dark, with a tenant open and with many tenants."""
    runs = {"small": list(tell_fleet(30)), "large": list(tell_fleet(2000)), "story": tell(), "plan": tell_plan()}
    one = opened(runs[name], "#tenant=1" if name == "small" else "", scheme)
    found = Axe().run(one.page)
    assert found.violations_count == 0, found.generate_report()


def test_ten_thousand(opened: Any) -> None:
    """Of 10,000 tenants, the page holds all and draws few, in less than 5 MB."""
    one = opened(tell_fleet(10_000), "#tenant=9876")
    assert one.page.evaluate("document.activeElement.innerText") == "9876"
    assert len(one.rows()) <= 200
    assert Path(one.page.url.removeprefix("file://").partition("#")[0]).stat().st_size < 5_000_000
