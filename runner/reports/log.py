"""Log lines on stderr, by structlog: readable on a terminal, JSON elsewhere. Imported with the first line."""

import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, nullcontext
from typing import Any, TextIO, cast

from tenantry.model import label
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
    StageHeld,
    StageStarted,
    TenantFinished,
    TenantPostponed,
    TenantsSelected,
    WarningRaised,
)
from tenantry.model.results import GOOD, Result
from tenantry.model.words import count
from tenantry.reports.escaping import escape_json, escape_line
from tenantry.reports.formats import Call, Sink
from tenantry.reports.output import Output
from tenantry.reports.wording import render_hint

_DEBUG, _INFO, _WARNING, _ERROR = 10, 20, 30, 40
_NAMES = {_DEBUG: "debug", _INFO: "info", _WARNING: "warning", _ERROR: "error"}
_SERIOUS = frozenset({"WARNING", "ERROR"})

# At a terminal, a person reads these in the report.
_REPORTED = (MigrationFailed, TenantFinished, FindingReported, HazardFound)

# These are shown there as well: the report comes too late for them.
_AT_ONCE = (TenantsSelected, StageStarted, StageHeld)

LogLine = tuple[int, str, dict[str, Any]]


def make_log_sink(stream: Output, call: Call, *, verbose: bool) -> Sink:
    """Return a sink that logs a run: on a terminal only its warnings unless `verbose`, elsewhere each step."""
    brief = stream.isatty() and not verbose
    threshold = _DEBUG if verbose else _WARNING if brief else _INFO
    # Made with the first line: most runs on a terminal log none, and need not wait for structlog.
    loggers: list[Callable[[int, str, dict[str, Any]], None]] = []

    def log(event: Event) -> None:
        line = _describe_hazard(event) if isinstance(event, HazardFound) else _describe(event)
        least = _INFO if isinstance(event, _AT_ONCE) else threshold
        if line is None or line[0] < least or (brief and isinstance(event, _REPORTED)):
            return
        if not loggers:
            loggers.append(_make_logger(terminal=stream.isatty()))
        level, message, values = line
        if "hint" in values:
            values["hint"] = render_hint(values["hint"], call)
        loggers[0](level, message, values)

    return log


def make_pace_logger() -> Callable[[str, dict[str, Any]], None]:
    """Return a callable that logs how far a run has come, where stderr is not a terminal."""
    loggers: list[Callable[[int, str, dict[str, Any]], None]] = []

    def log(message: str, values: dict[str, Any]) -> None:
        if not loggers:
            loggers.append(_make_logger(terminal=False))
        loggers[0](_INFO, message, values)

    return log


class _Escaped:
    """A value of a line on a terminal: its repr, which structlog writes, is the escaped text in quotes."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return f"'{self._text}'"


def _escape_values(_logger: object, _method: str, values: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Escape a line for a terminal, as a processor of structlog: the codes for colours are added after it."""
    message = escape_line(str(values["event"]))
    return {key: _escape_value(value) for key, value in values.items()} | {"event": message}


def _escape_value(value: Any) -> Any:
    """Return a value as a terminal may get it; only text that needs escapes is replaced."""
    if not isinstance(value, str) or escape_line(value) == value:
        return value
    return _Escaped(escape_line(value))


class _Stderr:
    """The current stderr: while a progress bar is shown, rich replaces it and keeps the lines above the bar."""

    def write(self, text: str) -> None:
        sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def _make_logger(*, terminal: bool) -> Callable[[int, str, dict[str, Any]], None]:
    with nullcontext() if terminal else _without_rich():
        import structlog

    render_json = structlog.processors.JSONRenderer()
    rendering: tuple[Any, ...] = (
        (_escape_values, structlog.dev.ConsoleRenderer())
        if terminal
        else (render_json, lambda _logger, _method, line: escape_json(line))
    )
    logger = structlog.wrap_logger(
        # Of a TextIO, structlog calls no more than these two methods.
        structlog.PrintLogger(cast(TextIO, _Stderr())),
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso"), *rendering],
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
            return _WARNING, "postponed until after the other tenants", {"tenant": tenant, "reason": reason}
        case _:
            return None


def _describe_hazard(found: HazardFound) -> LogLine:
    """Return the line for a hazard: an allowed one is a debug line, and carries the reason."""
    hazard = found.hazard
    values = {"tenant": found.tenant} if found.tenant else {}
    values |= {"rule": hazard.rule, "hazard": hazard.level.value}
    message = f"{hazard.path}:{hazard.line}:{hazard.column}: {hazard.message}"
    return (_DEBUG, message, values | {"allowed": hazard.allowed}) if hazard.allowed else (_INFO, message, values)
