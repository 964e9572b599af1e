"""`migrate --resume`: the request of an earlier run again, for the tenants that did not end well in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tenantry.fleet.journal.form import Journal, JournalHeader
from tenantry.fleet.journal.reading import Runs, find_runs
from tenantry.model import NO_VERSION
from tenantry.model.errors import Blocked, ConfigError, FilesDiffer, Problem
from tenantry.model.events import MigrationStarted
from tenantry.model.migrations import FileMark
from tenantry.project import Project
from tenantry.verbs.carrying import PROCRASTINATE
from tenantry.verbs.opening import read_request, refuse_idle
from tenantry.verbs.verb import Request

# These are the run's own.
_REPEATED = {
    "tenants": "--tenants",
    "shard": "--shard",
    "to": "--to",
    "out_of_order": "--out-of-order",
    "allow": "--allow",
    "resume_at": "--resume-at",
    "create": "--create",
    "no_verify": "--no-verify",
    "full": "--full",
}
# Arbitrary: the ids that a person still types or copies.
_MOST_TYPED = 20


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run to resume: `left` are its tenants that did not end well, in its order, `options` those to repeat.

    `carried` are the ids of the run and of those that resumed it, as far as workers may still be at work on them.
    """

    header: JournalHeader
    left: tuple[str, ...]
    options: Mapping[str, Any]
    carried: tuple[str, ...]


def find_unfinished(runs: Runs, word: str) -> Unfinished:
    """Return the run to resume, by the start of its id or the last one.

    Raises ConfigError, and Blocked where that run is still going on.
    """
    trail = runs.trail(runs.find(word, "migrate"))
    header = trail[0].header
    if running := next((one for one in trail if one.running), None):
        raise Blocked(f"run {running.header.short}: still going on, expected one that has ended")
    left = _list_left(trail)
    if not left:
        message = f"run {header.short}: every tenant ended well, expected one to resume"
        raise ConfigError((Problem(message, f'run "tenantry status --tenants {header.typed}" to see them'),))
    carried = tuple(one.header.run_id for one in trail if one.header.options.get("engine") == PROCRASTINATE)
    return Unfinished(header, left, _choose_options(header, trail), carried)


def read_resumed(request: Request) -> tuple[Unfinished, Request]:
    """Return the run that a request resumes, and the request for what is left of it. Raises as `find_unfinished`."""
    refuse_idle(request, _REPEATED, "with --resume, which repeats the options of its run")
    found = find_unfinished(find_runs(read_request(request)), request.options["resume"])
    _check_servers(request, found.header)
    # Those that were typed now win.
    repeated = {name: value for name, value in found.options.items() if name not in request.given}
    options = {**request.options, **repeated, "tenants": ",".join(found.left)}
    return found, replace(request, options=options)


def pick_up(project: Project, word: str) -> tuple[Unfinished, Project]:
    """Return the run that an open project resumes, and the project for what is left of it.

    Raises ConfigError, also where a tenant of that run is not selected, Blocked and FilesDiffer.
    """
    found = find_unfinished(find_runs(project.config), word)
    selected = {tenant.name for tenant in project.tenants}
    if missing := [name for name in found.left if name not in selected]:
        message = f"run {found.header.short}: tenant {missing[0]!r} is left of it, and not selected, expected it to be"
        raise ConfigError((Problem(message, "open the project with the tenants of that run"),))
    tenants = tuple(tenant for tenant in project.tenants if tenant.name in found.left)
    choice = replace(project.choice, create=bool(found.options.get("create")))
    project = order_tenants(replace(project, tenants=tenants, choice=choice), found.left)
    check_files(project, found)
    return found, project


def order_tenants(project: Project, left: tuple[str, ...]) -> Project:
    """Return the project with its tenants in the order of the run that is resumed."""
    order = {name: index for index, name in enumerate(left)}
    return replace(project, tenants=tuple(sorted(project.tenants, key=lambda tenant: order[tenant.name])))


def check_files(project: Project, resumed: Unfinished) -> None:
    """Raise FilesDiffer, which names each difference, unless the files are those of the run that is resumed."""
    header, target = resumed.header, resumed.header.options.get("to")
    sets = {name.value for name in project.directories}
    before, now = _index(header.files, sets, target), _index(project.marks(), sets, target)
    messages = [
        f"{key[0]} {(now.get(key) or before[key]).label}: {words}"
        for key in sorted({*before, *now})
        if (words := _compare(before.get(key), now.get(key), header.short))
    ]
    if messages:
        chosen = ",".join(resumed.left) if len(resumed.left) <= _MOST_TYPED else header.typed
        hint = f'restore the files of that run, or run "tenantry migrate --tenants {chosen}" to apply the current ones'
        *others, last = messages
        raise FilesDiffer((*(Problem(message) for message in others), Problem(last, hint)))


def _list_left(trail: tuple[Journal, ...]) -> tuple[str, ...]:
    """Return the tenants that ended well in none of the runs, in the order of the first."""
    well = {name for journal in trail for name in {*journal.header.tenants} - {*journal.left}}
    return tuple(name for name in trail[0].header.tenants if name not in well)


def _check_servers(request: Request, header: JournalHeader) -> None:
    given = {name for name, _dsn in request.options["servers"]}
    if missing := [name for name in header.servers if name not in given]:
        words = " ".join(f"--server {name}=..." for name in missing)
        message = f"run {header.short}: it had {words}, which no journal keeps, expected it again"
        raise ConfigError((Problem(message),))


def _choose_options(header: JournalHeader, trail: tuple[Journal, ...]) -> dict[str, Any]:
    """Return the options of the run that are repeated."""
    options = dict(header.options)
    if any(isinstance(event, MigrationStarted) for journal in trail for event in journal.events):
        # The statement to resume at is written down once the file runs on, and may be another one by now.
        options.pop("resume_at", None)
    return options


def _index(marks: tuple[FileMark, ...], sets: set[str], target: int | None) -> Mapping[tuple[str, int, str], FileMark]:
    """Return the files that count, by set and version; repeatables, which have none, by name."""
    return {key: mark for mark in marks if mark.set_name in sets for key in _keys(mark, target)}


def _keys(mark: FileMark, target: int | None) -> Iterator[tuple[str, int, str]]:
    if mark.version == NO_VERSION:
        # With a target, they do not run.
        if target is None:
            yield mark.set_name, mark.version, mark.name
    elif target is None or mark.version <= target:
        yield mark.set_name, mark.version, ""


def _compare(before: FileMark | None, now: FileMark | None, run: str) -> str:
    if before is None:
        return f"added since run {run}"
    if now is None:
        return f"deleted since run {run}"
    if before.checksum != now.checksum:
        return f"edited since run {run}, when it had {before.checksum}"
    return f"called {before.label} in run {run}" if before.name != now.name else ""
