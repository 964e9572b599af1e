"""Progress on stderr, for runs that take longer than a moment.

On a terminal, a block that is drawn in place and erased before the report is written; failures stay above it.
Elsewhere, a log line now and then.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tenantry.model import label
from tenantry.model.events import (
    BatchProgressed,
    Event,
    LockAwaited,
    MigrationFailed,
    MigrationRetried,
    MigrationStarted,
    RunFinished,
    RunStarted,
    TenantFinished,
    TenantPostponed,
    TenantStarted,
    TimePassed,
)
from tenantry.model.results import Result
from tenantry.reports.escaping import escape_line
from tenantry.reports.formats import Sink
from tenantry.reports.grid import STYLES
from tenantry.reports.output import Output
from tenantry.reports.wording import join, name_tenants

# Arbitrary: below it, a block would only flash up.
_FIRST_S = 0.4
# Arbitrary: the longest of those at work, and the failures that are told before the report has all of them.
_MOST_SHOWN = 3
_MOST_FAILURES = 20
_BAR_WIDTH = 30
# Before that, a rate says little.
_RATE_AFTER_S = 2.0
_CAUSES = frozenset({Result.FAILED, Result.REFUSED, Result.UNREACHABLE, Result.BLOCKED})


@dataclass(slots=True)
class RunPace:
    """The pace of a run that `started` at that time of the clock.

    `working` are the tenants at work: since when, in seconds, and on what. `causes` are those of failed files.
    """

    started: float
    run_id: str = ""
    total: int = 0
    results: Counter[Result] = field(default_factory=Counter)
    working: dict[str, tuple[float, str]] = field(default_factory=dict)
    causes: dict[str, str] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case RunStarted(run_id=run_id, tenants=tenants):
                self.run_id, self.total = run_id, len(tenants)
            case TenantStarted(tenant):
                self.working[tenant] = (time.monotonic(), "")
            case TenantPostponed(tenant):
                self.working.pop(tenant, None)
            case MigrationFailed(tenant, migration, failure):
                place = f"{migration.path}:{failure.line}:{failure.column}" if failure.line else migration.path
                self.causes[tenant] = f"{place}: {failure.message}"
            case TenantFinished(tenant, verdict):
                self.working.pop(tenant, None)
                self.results[verdict.result] += 1
            case MigrationStarted() | LockAwaited() | MigrationRetried() | BatchProgressed():
                since, _ = self.working.get(event.tenant, (time.monotonic(), ""))
                self.working[event.tenant] = (since, _describe(event))
            case _:
                return

    @property
    def done(self) -> int:
        """Return the number of tenants that have ended."""
        return self.results.total()

    @property
    def rate(self) -> float:
        """Return the number of tenants per second; 0 as long as it says little."""
        elapsed_s = time.monotonic() - self.started
        return self.done / elapsed_s if elapsed_s >= _RATE_AFTER_S else 0.0

    @property
    def left_s(self) -> float | None:
        """Return the seconds that the rest will take at this rate; None if that is not known."""
        return (self.total - self.done) / self.rate if self.rate else None

    def totals(self) -> Iterator[tuple[Result, int]]:
        """Yield the number of tenants for each result, in the order of Result."""
        yield from ((result, self.results[result]) for result in Result if self.results[result])

    def slowest(self) -> list[tuple[str, float]]:
        """Return the tenants that have been at work the longest, with their work and its seconds so far."""
        now = time.monotonic()
        # Copied in one step: another thread draws.
        working = sorted(self.working.items(), key=lambda entry: entry[1][0])
        return [(f"{name}: {doing}" if doing else name, now - since) for name, (since, doing) in working[:_MOST_SHOWN]]

    def explain(self, end: TenantFinished) -> str:
        """Return why a tenant failed, in one line; empty if it did not."""
        verdict = end.verdict
        if verdict.result not in _CAUSES:
            return ""
        cause = self.causes.get(end.tenant) or verdict.reason
        return f"{name_tenants([end.tenant])}: {verdict.result}: {cause}"


def make_progress_sink(stream: Output) -> Sink:
    """Return a sink that shows on a terminal how far the run has come, its failures and its slowest tenants."""
    block = _Block(stream)
    return block.take


def make_pace_sink(log: Callable[[str, dict[str, Any]], None]) -> Sink:
    """Return a sink that logs how far the run has come, every ten seconds."""
    pace = RunPace(time.monotonic())

    def take(event: Event) -> None:
        pace.take(event)
        if not isinstance(event, TimePassed) or not pace.total:
            return
        values: dict[str, Any] = {"run": pace.run_id[:8], "done": pace.done, "tenants": pace.total}
        values |= {result.value: number for result, number in pace.totals()}
        values["per_second"] = round(pace.rate, 1)
        if (left_s := pace.left_s) is not None:
            values["left_s"] = round(left_s)
        values["slowest"] = [f"{doing}, {since_s:.0f} s" for doing, since_s in pace.slowest()]
        log(_tell(pace), values)

    return take


def _tell(pace: RunPace) -> str:
    """Return how far a run has come as a line of text."""
    totals = ", ".join(f"{number} {result.value}" for result, number in pace.totals())
    slowest = next((f"slowest: {name_tenants([doing])}, {since_s:.0f} s" for doing, since_s in pace.slowest()), "")
    return join([f"progress: {_summarise(pace)}", totals, slowest], "; ")


class _Block:
    """A block that appears with the first file, or after the run has taken a moment."""

    def __init__(self, stream: Output) -> None:
        self._stream = stream
        self._pace = RunPace(time.monotonic())
        self._live: Any = None
        self._failures = 0
        self._untold: list[str] = []

    def take(self, event: Event) -> None:
        """Take in one event."""
        self._pace.take(event)
        match event:
            case TenantFinished():
                if cause := self._pace.explain(event):
                    self._untold.append(cause)
                # Tenants with nothing to do are over before a block can be read: rich is not imported for them.
                if self._live or time.monotonic() - self._pace.started > _FIRST_S:
                    self._show()
            case MigrationStarted() | LockAwaited() | MigrationRetried() | BatchProgressed():
                self._show()
            case RunFinished():
                self._hide()
            case _:
                return

    def _show(self) -> None:
        if self._live is None:
            self._begin()
        for cause in self._untold:
            self._failures += 1
            if self._failures <= _MOST_FAILURES:
                self._tell(cause)
            elif self._failures == _MOST_FAILURES + 1:
                self._tell("more failures are in the report")
        self._untold.clear()

    def _tell(self, cause: str) -> None:
        from rich.text import Text

        # As Text: brackets in a name would be taken for a style.
        self._live.console.print(Text(escape_line(cause), style="red"), highlight=False)

    def _begin(self) -> None:
        # Here and not above: rich takes longer to import than many runs take.
        from rich.console import Console
        from rich.live import Live

        console = Console(file=self._stream.raw)
        self._live = Live(get_renderable=self._draw, console=console, transient=True, refresh_per_second=4)
        self._live.start()

    def _hide(self) -> None:
        if self._live is not None:
            self._live.refresh()
            self._live.stop()

    def _draw(self) -> Any:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        pace = self._pace
        first = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=pace.total, completed=pace.done, width=_BAR_WIDTH)
        first.add_row(bar, Text(escape_line(_summarise(pace)), no_wrap=True, overflow="ellipsis"))
        parts = [(f"{number} {result.value}", STYLES.get(result.value, "")) for result, number in pace.totals()]
        counts = Text(", ").join(Text(words, style=style) for words, style in parts)
        lines = [
            Text(f"{since_s:5.0f} s  {escape_line(doing)}", no_wrap=True, overflow="ellipsis")
            for doing, since_s in pace.slowest()
        ]
        return Group(first, *([counts] if parts else []), *lines)


def _summarise(pace: RunPace) -> str:
    """Return how far a run has come, in one line."""
    words = [f"{pace.done}/{pace.total}"]
    if pace.rate:
        words.append(f"{pace.rate:.1f} per second")
    if (left_s := pace.left_s) is not None and pace.done < pace.total:
        minutes, seconds = divmod(round(left_s), 60)
        words.append(f"{minutes}:{seconds:02d} left")
    return ", ".join([*words, f"run {pace.run_id[:8]}"])


def _describe(event: MigrationStarted | LockAwaited | MigrationRetried | BatchProgressed) -> str:
    """Return the work of a tenant in words."""
    match event:
        case LockAwaited(waited_ms=waited_ms):
            return f"waiting for another runner, {waited_ms / 1000:.0f} s"
        case MigrationStarted(migration=migration):
            return label(migration.version, migration.name)
        case MigrationRetried(migration=migration):
            return f"retrying {label(migration.version, migration.name)}"
        case BatchProgressed(migration=migration):
            total = f" of about {event.total:,}" if event.total else ""
            rate = f"waiting: {event.held}" if event.held else f"{event.rate:,} per second"
            return f"{label(migration.version, migration.name)}: {event.rows:,}{total} rows, {rate}"
