"""Messages on stderr while a run is at work: sentences for people, or JSON by structlog for programs."""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TextIO, cast

from tenantry.model import label
from tenantry.model.errors import Problem
from tenantry.model.events import (
    BatchProgressed,
    DatabaseCreated,
    Event,
    FindingReported,
    HazardFound,
    LockAwaited,
    MigrationApplied,
    MigrationFailed,
    MigrationRetried,
    MigrationRolledBack,
    MigrationStarted,
    NoticeRaised,
    RepairMade,
    RunFinished,
    StageHeld,
    StageStarted,
    TenantFinished,
    TenantPostponed,
    TenantsSelected,
    WarningRaised,
)
from tenantry.model.results import GOOD, Result
from tenantry.model.words import count
from tenantry.reports.color import wants_color
from tenantry.reports.escaping import escape_json
from tenantry.reports.formats import Call, Sink
from tenantry.reports.output import Output, hang
from tenantry.reports.wording import join, name_tenants, render_hint, seconds, without_tenant

_DEBUG, _INFO, _WARNING, _ERROR, _NEVER = 10, 20, 30, 40, 50
_NAMES = {_DEBUG: "debug", _INFO: "info", _WARNING: "warning", _ERROR: "error"}
# Yellow and red.
_CODES = {_WARNING: "33", _ERROR: "1;31"}
_SERIOUS = frozenset({"WARNING", "ERROR"})

# A person reads these in the report.
_REPORTED = (MigrationFailed, TenantFinished, FindingReported, HazardFound)

# These are shown there as well: the report comes too late for them.
_AT_ONCE = (TenantsSelected, StageStarted, StageHeld)

_POSTPONED = "postponed until after the other tenants"

LogLine = tuple[int, str, dict[str, Any]]


Writer = Callable[[int, str, dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Talk:
    """How much is said on stderr, and in which form: text for people, or lines of JSON for programs that collect them.

    `quiet`: errors alone; `verbose`: each step.
    """

    verbose: bool = False
    quiet: bool = False
    json: bool = False

    @property
    def least(self) -> int:
        """Return the lowest level that is written."""
        if self.quiet:
            return _ERROR
        return _DEBUG if self.verbose else _INFO if self.json else _WARNING

    @property
    def brief(self) -> bool:
        """Return whether that is left out which the report tells."""
        return not (self.verbose or self.json)


def make_log_sink(stream: Output, call: Call, talk: Talk) -> Sink:
    """Return a sink that logs a run: as text only its warnings, as JSON each step."""
    return _Log(stream, call, talk).take


class _Log:
    """The lines of a run, and which of them have been written."""

    def __init__(self, stream: Output, call: Call, talk: Talk) -> None:
        self._stream = stream
        self._call = call
        self._talk = talk
        self._writer: Writer | None = None
        self._failed: set[str] = set()
        self._warned: dict[tuple[str, str], list[str]] = defaultdict(list)

    def take(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case WarningRaised(tenant, problem) if tenant and self._talk.brief:
                self._write_first(event, problem.message, without_tenant(problem.hint, tenant))
            case TenantPostponed(tenant, reason) if self._talk.brief:
                self._write_first(event, f"{_POSTPONED}: {reason}")
            case RunFinished():
                for (message, _), (_, *others) in self._warned.items():
                    if others:
                        self._write(WarningRaised("", Problem(f"the same of {name_tenants(others)}: {message}")))
            case MigrationFailed():
                self._failed.add(event.tenant)
                self._write(event)
            case TenantFinished(tenant) if tenant in self._failed:
                # Its failure has a line already, which says more.
                return
            case _:
                self._write(event)

    def _write_first(self, event: WarningRaised | TenantPostponed, message: str, hint: str = "") -> None:
        """Write what is said of a tenant, unless it was said of another one: how many there are is said at the end."""
        alike = self._warned[message, hint]
        alike.append(event.tenant)
        if len(alike) == 1:
            self._write(event)

    def _write(self, event: Event) -> None:
        line = _describe_hazard(event) if isinstance(event, HazardFound) else _describe(event)
        if line is None or line[0] < self._find_least(event):
            return
        # Made with the first line: most runs write none, and need not wait for structlog.
        self._writer = self._writer or _make_writer(self._stream, self._talk)
        level, message, values = line
        if "hint" in values:
            values["hint"] = render_hint(values["hint"], self._call)
        self._writer(level, message, values)

    def _find_least(self, event: Event) -> int:
        """Return the level from which on an event is written."""
        if self._talk.brief and isinstance(event, _REPORTED):
            return _NEVER
        return (
            min(self._talk.least, _INFO) if isinstance(event, _AT_ONCE) and not self._talk.quiet else self._talk.least
        )


def make_pace_logger(stream: Output, talk: Talk) -> Callable[[str, dict[str, Any]], None]:
    """Return a callable that logs how far a run has come: before its first event, or where stderr is not a terminal."""
    writers: list[Writer] = []

    def log(message: str, values: dict[str, Any]) -> None:
        if talk.quiet:
            return
        if not writers:
            writers.append(_make_writer(stream, talk))
        # As text, the message says it all.
        writers[0](_INFO, *(("progress", values) if talk.json else (message, {})))

    return log


class _Stderr:
    """The current stderr: while a progress bar is shown, rich replaces it and keeps the lines above the bar."""

    def write(self, text: str) -> None:
        sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def _make_writer(stream: Output, talk: Talk) -> Writer:
    return _make_json_writer() if talk.json else _make_text_writer(color=wants_color(stream.raw), times=talk.verbose)


def _make_text_writer(*, color: bool, times: bool) -> Writer:
    """Return a callable that writes a line as a sentence, with `times` after the time of day."""

    def write(level: int, message: str, values: dict[str, Any]) -> None:
        now = f"{datetime.now().astimezone():%H:%M:%S} " if times else ""
        word = f"{_NAMES[level]}: " if level >= _WARNING else ""
        first, *rest = _write_sentence(message, values)
        marked = f"\x1b[{_CODES[level]}m{word}\x1b[0m" if color and word else word
        sys.stderr.write("".join([f"{now}{marked}{hang(first)}\n", *(f"{hang(line)}\n" for line in rest)]))

    return write


def _write_sentence(message: str, values: dict[str, Any]) -> Iterator[str]:
    """Yield a line in words: whom it is about, what happened, and the other values; then detail and hint."""
    values = {key: value for key, value in values.items() if value not in ("", None)}
    tenant, migration = values.pop("tenant", ""), values.pop("migration", "")
    detail, hint = values.pop("detail", ""), values.pop("hint", "")
    elapsed_ms = values.pop("elapsed_ms", None)
    if "reason" in values:
        message = f"{message}: {values.pop('reason')}"
    if "selection" in values:
        message = f"{values.pop('selection')}: {message}: {values.pop('tenants')}"
    subject = join([name_tenants([tenant]) if tenant else "", migration], ": ")
    rest = join(f"{key.replace('_', ' ')} {value}" for key, value in values.items())
    took = "" if elapsed_ms is None else f" in {seconds(elapsed_ms)}"
    yield join([subject, f"{message}{took}{f' ({rest})' if rest else ''}"], ": ")
    if detail:
        yield f"  detail: {detail}"
    if hint:
        yield f"  hint: {hint}"


def _make_json_writer() -> Writer:
    with _without_rich():
        import structlog

    logger = structlog.wrap_logger(
        # Of a TextIO, structlog calls no more than these two methods.
        structlog.PrintLogger(cast(TextIO, _Stderr())),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
            lambda _logger, _method, line: escape_json(str(line)),
        ],
    )

    def write(level: int, message: str, values: dict[str, Any]) -> None:
        getattr(logger, _NAMES[level])(message, **values)

    return write


@contextmanager
def _without_rich() -> Iterator[None]:
    """Prevent rich from being imported: structlog imports it if it is installed, although JSON lines never need it.

    The import would take half of the time to the first line.
    """
    hidden = "rich" not in sys.modules
    if hidden:
        sys.modules["rich"] = None  # type: ignore[assignment]  # how Python itself is told that there is no such module
    try:
        yield
    finally:
        if hidden:
            del sys.modules["rich"]


def _describe(event: Event) -> LogLine | None:
    """Return level, message and values of an event that deserves a line; None for the others."""
    match event:
        case WarningRaised(tenant, problem):
            values = {"tenant": tenant} if tenant else {}
            return _WARNING, problem.message, values | ({"hint": problem.hint} if problem.hint else {})
        case DatabaseCreated(tenant, database):
            return _INFO, "database created", {"tenant": tenant, "database": database}
        case MigrationStarted(tenant, migration):
            return _DEBUG, "started", {"tenant": tenant, "migration": label(migration.version, migration.name)}
        case MigrationApplied(tenant, migration, elapsed_ms):
            values = {"tenant": tenant, "migration": label(migration.version, migration.name)}
            return _INFO, "applied", values | {"elapsed_ms": elapsed_ms}
        case MigrationRolledBack(tenant, migration, elapsed_ms):
            values = {"tenant": tenant, "migration": label(migration.version, migration.name)}
            return _INFO, "rolled back", values | {"elapsed_ms": elapsed_ms}
        case MigrationFailed(tenant, migration, failure):
            place = f"{migration.path}:{failure.line}:{failure.column}" if failure.line else migration.path
            return _ERROR, f"{place}: {failure.message}", {"tenant": tenant, "sqlstate": failure.sqlstate}
        case BatchProgressed(tenant, migration, rows, total, rate):
            values = {"tenant": tenant, "migration": label(migration.version, migration.name)}
            waits = {"held": event.held} if event.held else {}
            return _DEBUG, "in batches", values | {"rows": rows, "total": total, "rate": rate} | waits
        case NoticeRaised(tenant, severity, message):
            level = _WARNING if severity in _SERIOUS else _DEBUG
            return level, message, {"tenant": tenant, "severity": severity}
        case RepairMade(tenant, version):
            return _INFO, "ledger changed by hand", {"tenant": tenant, "version": version}
        case FindingReported(tenant, problem):
            return _INFO, problem.message, {"tenant": tenant}
        case TenantFinished(tenant, verdict, elapsed_ms):
            level = _DEBUG if verdict.result in GOOD else _ERROR if verdict.result is Result.FAILED else _WARNING
            values = {"tenant": tenant, "result": verdict.result.value, "reason": verdict.reason}
            return level, "finished", values | {"elapsed_ms": elapsed_ms}
        case _:
            return _describe_rest(event)


def _describe_rest(event: Event) -> LogLine | None:
    """Return the line for a selection or a wait for another session; None for the other events."""
    match event:
        case TenantsSelected(selection, number, first):
            names = ", ".join(first) + (", ..." if number > len(first) else "")
            return _INFO, f"{count(number, 'tenant')} selected", {"selection": selection, "tenants": names}
        case StageStarted(stage, number, tenants):
            return _INFO, f"stage {number}: {stage}: {count(tenants, 'tenant')}", {}
        case StageHeld(stage, reason, waited_ms):
            # Of a gate that is asked again and again, once is enough for a person.
            level = _INFO if waited_ms == 0 else _DEBUG
            return level, f"after stage {stage}, waiting for {reason}", {"waited_ms": waited_ms}
        case LockAwaited(tenant, waited_ms, holder):
            # Told every second or so while it lasts: once is enough for a person.
            level = _WARNING if waited_ms == 0 else _DEBUG
            return level, "waiting for another runner", {"tenant": tenant, "holder": holder}
        case MigrationRetried(tenant, migration, failure, attempt, limit):
            values: dict[str, Any] = {"tenant": tenant, "migration": label(migration.version, migration.name)}
            values |= {"detail": failure.detail} if failure.detail else {}
            met = "conflict with another session" if limit else "blocked by a lock"
            return _WARNING, f"{met}, retrying: {failure.message}", values | {"attempt": attempt}
        case TenantPostponed(tenant, reason):
            return _WARNING, _POSTPONED, {"tenant": tenant, "reason": reason}
        case _:
            return None


def _describe_hazard(found: HazardFound) -> LogLine:
    """Return the line for a hazard: an allowed one is a debug line, and carries the reason."""
    hazard = found.hazard
    values = {"tenant": found.tenant} if found.tenant else {}
    values |= {"rule": hazard.rule, "hazard": hazard.level.value}
    message = f"{hazard.path}:{hazard.line}:{hazard.column}: {hazard.message}"
    return (_DEBUG, message, values | {"allowed": hazard.allowed}) if hazard.allowed else (_INFO, message, values)
