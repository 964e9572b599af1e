"""The verbs for programs: open a project, then start each verb as a run over it that yields events.

Nothing is printed, no signal handler is installed, and no process is ended: that is left to the program. The command
line is the twin of this module, and neither imports the other.
"""

import math
import os
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tenantry.fleet.selection import parse_selection
from tenantry.fleet.shards import EXPECTED_SHARD, parse_shard
from tenantry.ledger.provenance import name_actor
from tenantry.model.errors import ConfigError, Problem, RunError
from tenantry.model.events import Event, RunFinished
from tenantry.model.outcome import Outcome
from tenantry.model.rollout import EXPECTED_LIMIT, Limit, parse_limit
from tenantry.model.tenants import SetName, Tenant
from tenantry.model.words import nearest, one_of
from tenantry.postgres.waiting import Patience
from tenantry.project import DEFAULT_JOBS, DEFAULT_LOCK_WAIT_S, Choice, Project, open_offline, open_project

if TYPE_CHECKING:
    from tenantry.verbs.verb import Events

__all__ = ["OpenProject", "Run", "check", "drift", "migrate", "open", "plan", "status", "verify"]


class Run:
    """One run of a verb over a project: iterating over it starts the work and yields its events.

    Tenants are worked on while the program asks for events, and between two events. `outcome` is available after the
    last one, when `over` is true. Close a run that is not iterated to its end: with `close`, with a `with` block around
    it, or with its project.
    """

    def __init__(self, project: Project, events: "Events") -> None:
        self._project = project
        self._events = events
        self._outcome = Outcome()
        self.over = False

    @property
    def id(self) -> str:
        """Return the id of the run, as shown by its events, the ledger and pg_stat_activity."""
        return self._project.provenance.run_id

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        event = next(self._events)
        self._outcome.add(event)
        self.over = isinstance(event, RunFinished)
        return event

    def finish(self) -> Outcome:
        """Run to the end, discarding the events, and return the outcome."""
        for _ in self:
            pass
        return self.outcome

    @property
    def outcome(self) -> Outcome:
        """Return the outcome of the run. Raises RunError if the run is not over."""
        if not self.over:
            raise RunError(
                "the run is not over: its outcome is available after its last event",
                hint="iterate over it to the end, or call finish()",
            )
        return self._outcome

    def stop(self, *, cancel: bool = False) -> None:
        """End the run early, but in order; any thread may call this, at any time.

        Each tenant stops at its next step, and no other tenant starts. Keep iterating: the remaining events say so.
        With `cancel`, the running statements are cancelled as well, and their files are rolled back.
        """
        self._project.stop.request("stopped by the program")
        if cancel:
            self._project.stop.cancel()

    def close(self) -> None:
        """End the run at once, as `stop` does, and wait until every connection is closed. It has no outcome."""
        if not self.over:
            self._project.stop.request("closed by the program")
        self._events.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class OpenProject:
    """A project as `open` returns it: tenants.yaml, its migration files and the selected tenants, read and checked.

    Any number of runs may be started on it, also at the same time. Files and tenants stay as they were read: open the
    project again to see changes. Leaving its `with` block closes it.
    """

    def __init__(self, project: Project, *, offline: bool) -> None:
        self._project = project
        self._offline = offline
        self._closed = False
        self._runs: list[Run] = []

    @property
    def tenants(self) -> tuple[Tenant, ...]:
        """Return the selected tenants: the master first, then the others in the order of tenants.yaml."""
        return self._project.tenants

    def close(self) -> None:
        """Close the runs that are not over. No other run can be started afterwards."""
        self._closed = True
        for run in self._runs:
            run.close()
        self._runs.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self, start: "Callable[[Project], Events]", *, without_tenants: bool = False) -> Run:
        """Return a new run of a verb. Raises RunError if the project is closed, or has no tenants for it."""
        if self._closed:
            raise RunError("the project is closed, expected an open one")
        if self._offline and not without_tenants:
            # A run over no tenant would end well, and pass for one over all of them.
            raise RunError(
                "the project was opened offline, so no tenant is selected", hint="open it without offline=True"
            )
        project = self._project.begin(str(uuid.uuid4()))
        run = Run(project, start(project))
        # Those that are over need no closing: a service that keeps its project open would collect them for ever.
        self._runs = [*(one for one in self._runs if not one.over), run]
        return run


def open(  # noqa: A001  # programs read it as tenantry.open
    path: str | os.PathLike[str] = "tenants.yaml",
    *,
    tenants: str | None = None,
    shard: str | None = None,
    servers: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    lock_wait: float = DEFAULT_LOCK_WAIT_S,
    jobs: int = DEFAULT_JOBS,
    create: bool = False,
    offline: bool = False,
    wait: float = 0.0,
) -> OpenProject:
    """Open a project: read and check tenants.yaml and its migration files, and select tenants.

    `tenants` selects as `--tenants` does, such as `1,16`, `master` or `@tier=internal`; None selects everything.
    `shard`, such as `3/10`, takes one part of these, as `--shard` does.
    `servers` are other connection strings for servers of tenants.yaml, by name. `environment` is used instead of
    `os.environ` for variables in tenants.yaml and for those that configure tenantry. `lock_wait` is in seconds, and
    `jobs` counts the tenants at work at once on each server. With `create`, `migrate` creates databases that do not
    exist on a real server too. With `offline`, no tenant is selected and no server is asked, which is enough for
    `check`. `wait` is the number of seconds to wait for servers that are starting.

    No database is opened, unless tenants.yaml takes its tenants from a query, or `wait` is given. Raises InputError if
    any input is wrong; with such a query, ServerError and Unreachable too.
    """
    if jobs < 1:
        raise ConfigError((Problem(f"jobs: {jobs}, expected 1 or more"),))
    for name, seconds in (("lock_wait", lock_wait), ("wait", wait)):
        # No bound holds for nan.
        if not 0 <= seconds < math.inf:
            raise ConfigError((Problem(f"{name}: {seconds}, expected 0 or more seconds"),))
    if shard is not None and parse_shard(shard) is None:
        raise ConfigError((Problem(f"shard: {shard!r}, expected {EXPECTED_SHARD}"),))
    choice = Choice(
        config_path=Path(path),
        environment=dict(os.environ if environment is None else environment),
        selection=replace(parse_selection(tenants), shard=parse_shard(shard or "")),
        servers=dict(servers or {}),
        lock_wait_s=lock_wait,
        jobs=jobs,
        create=create,
        patience=Patience(wait),
    )
    opening = open_offline if offline else open_project
    return OpenProject(opening(choice, str(uuid.uuid4()), name_actor(choice.environment)), offline=offline)


def migrate(
    project: OpenProject,
    *,
    to: int | None = None,
    dry_run: bool = False,
    out_of_order: Collection[int] = (),
    allow: Collection[str] = (),
    resume_at: int | None = None,
    verify: bool = True,
    full: bool = False,
    resume: str | None = None,
    max_failures: int | str | None = None,
    stage: str | None = None,
    rollout: bool = True,
    deadline: float | None = None,
    engine: str | None = None,
    yes: bool = False,
) -> Run:
    """Apply the pending files to every selected tenant, in order, up to the version `to`.

    With `dry_run`, only report them. `out_of_order` are versions to apply although newer ones are applied. `allow` are
    rules of lint whose dangers are allowed. `resume_at` is the statement, counted from 1, at which the unfinished
    file of one tenant is resumed. With `verify`, each schema is compared with the files afterwards; one that has not
    changed since it was last proven, only with `full`.

    The stages of the rollout in tenants.yaml are followed unless `rollout` is false, up to and including `stage` if
    that is given. No other tenant starts after more than `max_failures`, such as 5 or "1%", which overrides the limit
    of the rollout; and none that is not expected to finish within `deadline` seconds.

    The tenants are worked on in threads of this process, or with `engine="procrastinate"` by workers: see the how-to
    guide "Spread a run over several hosts".

    With `resume`, a run is resumed: the start of its id, or "last". Its options are repeated, so that only `dry_run`,
    `engine`, `yes` and those of the rollout may be given.

    Raises ConfigError if no file has one of the versions, a rule or the engine is unknown, the rollout or a limit is
    wrong, `resume_at` is given for several tenants, there is nothing to resume, there can be no workers, or a server of
    the selected tenants is in production and `yes` is not given; FilesDiffer and Blocked if a run cannot be resumed;
    Unreachable if the control database of workers is; ServerError if the embedded server cannot be started.
    """
    from tenantry.verbs import migrate as verb
    from tenantry.verbs.carrying import THREADS
    from tenantry.verbs.production import confirm_production
    from tenantry.verbs.staging import Advance

    advance = Advance(_read_limit(max_failures), stage, rollout, _read_deadline(deadline))
    _check_engine(engine)
    confirm_production([tenant.server for tenant in project.tenants], sure=yes or dry_run)
    if resume is not None:
        idle = {"to": to is not None, "out_of_order": bool(out_of_order), "allow": bool(allow)}
        idle |= {"resume_at": resume_at is not None, "verify": not verify, "full": full}
        _refuse_idle([name for name, given in idle.items() if given])
        return project._begin(
            lambda opened: verb.resume(opened, resume, dry_run=dry_run, advance=advance, engine=engine or "")
        )
    return project._begin(
        lambda opened: verb.start(
            opened,
            to=to,
            dry_run=dry_run,
            out_of_order=out_of_order,
            allow=allow,
            resume_at=resume_at,
            verify=verify,
            full=full,
            advance=advance,
            engine=engine or THREADS,
        )
    )


def _check_engine(given: str | None) -> None:
    from tenantry.verbs.carrying import ENGINES

    if given is not None and given not in ENGINES:
        raise ConfigError((Problem(f"engine: {given!r}, expected {one_of(ENGINES)}", nearest(given, ENGINES)),))


def _read_limit(given: int | str | None) -> Limit | None:
    limit = None if given is None else parse_limit(str(given))
    if given is not None and limit is None:
        raise ConfigError((Problem(f"max_failures: {given!r}, expected {EXPECTED_LIMIT}"),))
    return limit


def _read_deadline(given: float | None) -> float | None:
    # No bound holds for nan.
    if given is not None and not given > 0:
        raise ConfigError((Problem(f"deadline: {given}, expected more than 0 seconds"),))
    return given


def _refuse_idle(names: list[str]) -> None:
    if names:
        why = "has no effect with resume, which repeats the options of its run"
        raise ConfigError(tuple(Problem(f"{name}: {why}") for name in names))


def status(project: OpenProject, *, strict: bool = False) -> Run:
    """Report the version, the pending files and the last run of every selected tenant.

    With `strict`, a tenant that is not up to date ends with a finding. Raises ServerError if the embedded server
    cannot be started.
    """
    from tenantry.verbs.status import start

    return project._begin(lambda opened: start(opened, strict=strict))


def plan(project: OpenProject, *, to: int | None = None) -> Run:
    """Report the files that every selected tenant would get, up to the version `to`, and their effects there.

    Raises ConfigError if no file has this version; ServerError if the embedded server cannot be started.
    """
    from tenantry.verbs.plan import start

    return project._begin(lambda opened: start(opened, to=to))


def verify(project: OpenProject) -> Run:
    """Compare the files, the ledger and the schema of every selected tenant, and report each difference.

    Raises ServerError if the embedded server cannot be started.
    """
    from tenantry.verbs.verify import start

    return project._begin(start)


def drift(project: OpenProject, *, against: str = "files", consensus: bool = False) -> Run:
    """Compare the schema of every selected tenant with a reference, and report each difference.

    `against` is `files`, `tenant:ID` or the path of a file of SQL. With `consensus`, the reference is the schema that
    most of the tenants have. Raises InputError if there is no such reference, or the master is selected next to
    tenants; TenantError if the tenant of the reference cannot be read; ServerError if the embedded server cannot
    be started.
    """
    from tenantry.verbs.drift import start

    return project._begin(lambda opened: start(opened, against=against, consensus=consensus))


def check(
    project: OpenProject,
    *,
    base: str | None = None,
    schema_from: str | None = None,
    set_name: SetName | None = None,
    allow_extra: bool = False,
) -> Run:
    """Run the migration files of one set, or of both, on a scratch database, and report each problem.

    No tenant is opened. `base` is a branch or commit of git: files that are merged there may not be edited.
    `schema_from` is a file of SQL, or a command that prints it, whose schema the files must produce; with `allow_extra`
    they may produce more. Raises InputError if one of these cannot be read; ServerError and Refused if the schema
    of `schema_from` cannot be built.
    """
    from tenantry.verbs.check import start

    return project._begin(
        lambda opened: start(opened, base=base, schema_from=schema_from, set_name=set_name, allow_extra=allow_extra),
        without_tenants=True,
    )
