"""Writing a journal: each event at once, and the ends of tenants to the disk, several at a time.

A journal is a help, and never a reason to stop a run: if it cannot be written, that is said once.
"""

import fcntl
import os
import time
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from tenantry.fleet.journal.form import JournalHeader, compose_header, compose_line
from tenantry.fleet.journal.places import name_file, prune
from tenantry.model.errors import Problem
from tenantry.model.events import (
    DatabaseOpened,
    Event,
    RunFinished,
    RunStarted,
    TenantCompared,
    TenantFinished,
    TenantPlanned,
    TenantStarted,
    WarningRaised,
)
from tenantry.model.masking import mask
from tenantry.model.results import Result
from tenantry.model.words import describe_os_error
from tenantry.state import create_private

# Arbitrary: as much as a power failure may take back. Only the tenants that ended since then are asked again.
_SYNC_EVERY_S = 0.1
# Arbitrary. A tenant that was up to date is looked at again for almost nothing, so its line may wait in memory.
_WRITE_EVERY_S = 0.2
# Nothing was written to a database before these.
_READING = (TenantStarted, DatabaseOpened, TenantCompared, TenantPlanned)


class _Writer:
    """A journal that is being written; `failure` is the reason why it is written no more."""

    def __init__(self, folder: Path, header: JournalHeader) -> None:
        self.failure = ""
        self._started = time.monotonic()
        self._written = self._synced = self._started
        self._lines = 1
        # The master, if it is selected, and a tenant.
        self._first = header.tenants[:2]
        self._waiting: list[str] = []
        self._due = False
        self._file = -1
        try:
            self._file = create_private(folder / name_file(header.started_at, header.run_id))
            # Held until this process ends, however it ends: it tells a reader that the run is still going.
            with suppress(OSError):
                fcntl.flock(self._file, fcntl.LOCK_EX)
            os.write(self._file, compose_header(header).encode())
            os.fsync(self._file)
            prune(folder)
        except OSError as error:
            self._fail(error)

    def take(self, event: Event) -> None:
        """Write an event."""
        if self.failure:
            return
        now = time.monotonic()
        # The command that opens a database is only shown of the first one.
        idle = isinstance(event, DatabaseOpened) and event.tenant not in self._first
        line = "" if idle else compose_line(self._lines + 1, int((now - self._started) * 1000), event)
        self._lines += bool(line)
        if line:
            self._waiting.append(line)
        try:
            self._write(event, now)
        except OSError as error:
            self._fail(error)

    def close(self) -> None:
        """Write what is left, and give the file up."""
        try:
            if not self.failure:
                self._flush()
                os.fsync(self._file)
        except OSError as error:
            self._fail(error)
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, event: Event, now: float) -> None:
        ends = isinstance(event, TenantFinished | RunFinished)
        quiet = isinstance(event, _READING) or (ends and _is_quiet(event))
        if self._waiting and (not quiet or now - self._written >= _WRITE_EVERY_S):
            self._flush()
            self._written = now
        self._due = self._due or (ends and not quiet)
        if self._due and now - self._synced >= _SYNC_EVERY_S:
            os.fdatasync(self._file)
            # By the clock after it: on a slow disk, the run must not spend its time on this.
            self._due, self._synced = False, time.monotonic()

    def _flush(self) -> None:
        text = "".join(self._waiting).encode()
        self._waiting.clear()
        while text:
            # A disk that is nearly full takes a part.
            text = text[os.write(self._file, text) :]

    def _fail(self, error: OSError) -> None:
        self.failure = describe_os_error(error)


def _is_quiet(event: Event) -> bool:
    return isinstance(event, TenantFinished) and event.verdict.result is Result.UP_TO_DATE


def write_journal(
    folder: Path, shown: Path, header: JournalHeader, events: Generator[Event, None, None]
) -> Generator[Event, None, None]:
    """Yield the events of a run, each after it was written to a journal in `folder`, which messages call `shown`.

    If the journal cannot be written, one warning among the events says so.
    """
    with closing(events), closing(_Writer(folder, header)) as writer:
        said = False
        for event in events:
            if isinstance(event, RunStarted):
                # A report of the run, and one of its journal, tell the same.
                event = replace(event, started_at=header.started_at, reason=header.reason)  # noqa: PLW2901
            writer.take(mask(event))
            yield event
            # After the first event, which says that the run starts.
            if writer.failure and not said:
                said = True
                yield from _warn(shown, writer.failure)


def _warn(shown: Path, failure: str) -> Iterator[WarningRaised]:
    message = f"{shown}: {failure}, expected a folder that only you write to: this run has no complete journal"
    hint = "correct its owner and mode, or set TENANTRY_STATE to another folder, to be able to resume a run"
    yield WarningRaised("", Problem(message, hint))
