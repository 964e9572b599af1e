"""The form of a journal: a header, then a line of JSON for each event that a report or a later run needs. Pure.

The lines are numbered, so that one that is missing is noticed. Only the last line may be half: the run was killed while
it was written.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tenantry.fleet.selection import type_selection
from tenantry.model import Migration, MigrationStatus, RowState, State
from tenantry.model.codec import decode, decode_event, encode, encode_event
from tenantry.model.events import (
    BatchProgressed,
    Event,
    LockAwaited,
    NoticeRaised,
    ProjectDescribed,
    RunFinished,
    RunStarted,
    TenantCompared,
    TenantFinished,
    TenantPlanned,
    TenantStarted,
    TimePassed,
    Verdict,
)
from tenantry.model.migrations import FileMark
from tenantry.model.results import GOOD, Result
from tenantry.model.tenants import MASTER, DatabaseFacts, SetName

# Raised when older versions of tenantry would misread a journal.
FORMAT = 1
# In a message of a server, these quotes are escaped.
_ENDS = ('"event":"tenant_finished"', '"event":"run_finished"')
# As ASCII, so that no character of a message can be cut in two.
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode
# These tell how it went, not what it did, and the start of a tenant follows from its other events.
# That of the run is the header.
_PASSING = (RunStarted, TenantStarted, BatchProgressed, LockAwaited, NoticeRaised, TimePassed)


class JournalError(ValueError):
    """The text is not a journal that this version can read; says why."""


@dataclass(frozen=True, slots=True)
class JournalHeader:
    """What a run was about to do. `project` is the path of its tenants.yaml, `selection` the text of `--tenants`.

    `options` are those of the verb, by the name of the command line's parameter; those that hold a secret are in
    `servers`, by the name of the server alone. `resumes` is the id of the run that this one resumes.
    """

    run_id: str
    verb: str
    started_at: datetime
    project: str
    selection: str
    tenants: tuple[str, ...]
    files: tuple[FileMark, ...]
    user: str = ""
    tool_version: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    servers: tuple[str, ...] = ()
    resumes: str = ""

    @property
    def reason(self) -> str:
        """Return the reason that was given for the run, empty if none was."""
        return str(self.options.get("reason") or "")

    @property
    def short(self) -> str:
        """Return the id as people see it."""
        return self.run_id[:8]

    @property
    def typed(self) -> str:
        """Return the selection as it is typed after `--tenants` in a shell."""
        return type_selection(self.selection, str(self.options.get("shard", "")))


@dataclass(frozen=True, slots=True)
class Journal:
    """A journal that was read. `events` are without the start of the run and of its tenants: see `replay`.

    `elapsed_ms` is the time of the last event. `running`: the run has not ended yet.
    """

    header: JournalHeader
    events: tuple[Event, ...]
    elapsed_ms: int = 0
    running: bool = False

    @property
    def finished(self) -> bool:
        """Return whether the run came to its end, whatever that was."""
        return bool(self.events) and isinstance(self.events[-1], RunFinished)

    @property
    def ends(self) -> dict[str, Verdict]:
        """Return the verdict of each tenant that has one."""
        return {event.tenant: event.verdict for event in self.events if isinstance(event, TenantFinished)}

    @property
    def left(self) -> tuple[str, ...]:
        """Return the tenants that did not end well, in the order of the run."""
        ends = self.ends
        return tuple(name for name in self.header.tenants if name not in ends or ends[name].result not in GOOD)


def compose_header(header: JournalHeader) -> str:
    """Return the first line of a journal."""
    return _dump({"journal": FORMAT, **encode(header)})


def compose_line(number: int, at_ms: int, event: Event) -> str:
    """Return the line of an event; empty for one that no journal keeps. `number` counts from 1, the header."""
    if isinstance(event, _PASSING):
        return ""
    if isinstance(event, TenantPlanned) and not (event.plan.steps or event.plan.repeatables or event.plan.blockers):
        return ""
    if isinstance(event, TenantCompared):
        event = TenantCompared(event.tenant, tuple(_choose(event.statuses)))
    # The end of a tenant has a time of its own, which takes the place of the line's. Older versions wrote the latter.
    return _dump({"n": number, "at_ms": at_ms, **encode_event(event)})


def parse_journal(text: str, *, ends_alone: bool = False) -> Journal:
    """Return a journal; with `ends_alone`, of its events only the ends, which is quicker.

    Raises JournalError that names the line.
    """
    # What follows the last line end was cut off.
    first, *rest = text.split("\n")[:-1] or [""]
    header, at_ms, events = _parse_header(first), 0, list[Event]()
    for number, line in enumerate(rest, 2):
        if ends_alone and not any(mark in line for mark in _ENDS):
            continue
        at_ms, event = _parse_line(number, line)
        events.append(event)
    return Journal(header, tuple(events), at_ms)


def parse_header(text: str) -> JournalHeader:
    """Return the header of a journal, whose other lines are not looked at. Raises JournalError."""
    first, end, _ = text.partition("\n")
    return _parse_header(first if end else "")


def replay(journal: Journal) -> Iterator[Event]:
    """Yield the events of a run again, for a report; a run that was cut short ends with all that is known of it."""
    header = journal.header
    yield RunStarted(header.verb, header.run_id, header.tenants, header.started_at, header.reason)
    if not any(isinstance(event, ProjectDescribed) for event in journal.events):
        yield _describe(header)
    started: set[str] = set()
    for event in journal.events:
        tenant = getattr(event, "tenant", "")
        begins = not (isinstance(event, TenantFinished) and event.verdict.result is Result.NOT_STARTED)
        if tenant in journal.header.tenants and tenant not in started and begins:
            started.add(tenant)
            yield TenantStarted(tenant)
        yield event
    if not journal.finished:
        yield from _end(journal, started)


def list_files(set_name: str, migrations: Sequence[Migration]) -> Iterator[FileMark]:
    """Yield the marks of the files of a set."""
    yield from (FileMark(set_name, one.version, one.name, one.checksum) for one in migrations)


def _describe(header: JournalHeader) -> ProjectDescribed:
    """Return the databases of a run as far as a journal of an older version knows them."""
    sets = {MASTER: SetName.MASTER}
    facts = (DatabaseFacts(name, sets.get(name, SetName.TENANT).value) for name in header.tenants)
    return ProjectDescribed(tuple(facts), header.files)


def _end(journal: Journal, started: set[str]) -> Iterator[Event]:
    """Yield the ends that a journal lacks."""
    reason = "the run is still in progress" if journal.running else "the run was killed"
    ends = journal.ends
    for name in journal.header.tenants:
        if name not in ends:
            result = Result.STOPPED if name in started else Result.NOT_STARTED
            yield TenantFinished(name, Verdict(result, reason), 0)
    yield RunFinished(journal.elapsed_ms, "" if journal.running else "a kill")


def _choose(statuses: Sequence[MigrationStatus]) -> Iterator[MigrationStatus]:
    """Yield the versions that say something: all but the applied ones, and the newest of these."""
    newest = next((one for one in reversed(statuses) if one.row and one.row.state is RowState.APPLIED), None)
    yield from (one for one in statuses if one is newest or one.state is not State.APPLIED)


def _parse_header(line: str) -> JournalHeader:
    kept = _load(1, line, "the header of a journal")
    version = kept.get("journal")
    if type(version) is int and version > FORMAT:
        raise JournalError(f"of format {version}, which a newer tenantry wrote, expected format {FORMAT}")
    try:
        header: JournalHeader = decode(JournalHeader, kept)
    except (ValueError, KeyError, TypeError) as error:
        raise JournalError(f"line 1: damaged: {error}, expected the header of a journal") from None
    if version != FORMAT:
        raise JournalError("line 1: damaged, expected the header of a journal")
    return header


def _parse_line(number: int, line: str) -> tuple[int, Event]:
    """Return the time and the event of a line. Raises JournalError."""
    entry = _load(number, line, "an event of a run")
    if entry.get("n") != number:
        raise JournalError(f"line {number}: numbered {entry.get('n')}, expected {number}: lines are missing")
    try:
        at_ms, event = decode(int, entry.get("at_ms")), decode_event(entry)
    except (ValueError, KeyError, TypeError) as error:
        raise JournalError(f"line {number}: damaged: {error}, expected an event of a run") from None
    return at_ms, event


def _load(number: int, line: str, expected: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        entry = None
    if not isinstance(entry, dict):
        raise JournalError(f"line {number}: damaged, expected {expected}")
    return entry


def _dump(line: Mapping[str, Any]) -> str:
    return f"{_ENCODE(line)}\n"
