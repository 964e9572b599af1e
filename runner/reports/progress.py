"""A progress bar on a terminal, for runs that take longer than a moment; erased before the report is written."""

import time
from typing import Any

from tenantry.model import label
from tenantry.model.events import (
    BatchProgressed,
    Event,
    LockAwaited,
    MigrationRetried,
    MigrationStarted,
    RunFinished,
    RunStarted,
    TenantFinished,
)
from tenantry.reports.escaping import escape_line
from tenantry.reports.formats import Sink
from tenantry.reports.output import Output

# Arbitrary: below it, a bar would only flash up.
_FIRST_S = 0.4


def make_progress_sink(stream: Output) -> Sink:
    """Return a sink that shows the number of finished tenants and the current work."""
    bar = _Bar(stream)
    return bar.take


class _Bar:
    """A bar that appears with the first file, or after the run has taken a moment."""

    def __init__(self, stream: Output) -> None:
        self._stream = stream
        self._total = 0
        self._done = 0
        self._started = time.monotonic()
        self._progress: Any = None
        self._task: Any = None

    def take(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case RunStarted(tenants=tenants):
                self._total = len(tenants)
            case TenantFinished():
                self._done += 1
                # Tenants with nothing to do are over before a bar can be read: rich is not imported for them.
                if self._progress or time.monotonic() - self._started > _FIRST_S:
                    self._show("")
            case MigrationStarted(tenant, migration):
                self._show(f"{tenant}: {label(migration.version, migration.name)}")
            case LockAwaited(tenant, waited_ms):
                self._show(f"{tenant}: waiting for another runner, {waited_ms / 1000:.0f} s")
            case MigrationRetried(tenant, migration):
                self._show(f"{tenant}: retrying {label(migration.version, migration.name)}")
            case BatchProgressed():
                self._show(_describe(event))
            case RunFinished():
                self._hide()
            case _:
                return

    def _show(self, doing: str) -> None:
        if self._progress is None:
            self._begin()
        self._progress.update(self._task, completed=self._done, doing=escape_line(doing))

    def _begin(self) -> None:
        # Here and not above: rich takes longer to import than many runs take.
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        # Without markup: brackets in a name would be taken for a style.
        doing = TextColumn("{task.fields[doing]}", markup=False)
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), doing)
        self._progress = Progress(*columns, console=Console(file=self._stream.raw), transient=True)
        self._task = self._progress.add_task("tenants", total=self._total, doing="")
        self._progress.start()

    def _hide(self) -> None:
        if self._progress is not None:
            self._progress.stop()


def _describe(event: BatchProgressed) -> str:
    """Return the progress of a change in batches, in words."""
    name = f"{event.tenant}: {label(event.migration.version, event.migration.name)}"
    total = f" of about {event.total:,}" if event.total else ""
    rate = f"waiting: {event.held}" if event.held else f"{event.rate:,} per second"
    return f"{name}: {event.rows:,}{total} rows, {rate}"
