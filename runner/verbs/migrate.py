"""`migrate`: apply what is pending, and see afterwards that it is there."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain
from typing import Any

import click

from tenantry.fleet.journal.places import LAST
from tenantry.lint.gate import check_rules
from tenantry.model.errors import ConfigError, Problem
from tenantry.model.events import RunFinished, WarningRaised
from tenantry.model.outcome import Outcome
from tenantry.project import Project
from tenantry.proof.prover import make_prover
from tenantry.verbs import plan
from tenantry.verbs.carrying import THREADS, Carrier
from tenantry.verbs.completions import complete_rules, complete_runs, complete_stages
from tenantry.verbs.jobs import run_job
from tenantry.verbs.migrating import make_job_of
from tenantry.verbs.opening import open_request
from tenantry.verbs.options import (
    DRY_RUN,
    ENGINE,
    FULL,
    JOBS,
    LIMIT_TYPE,
    LOCK_WAIT,
    NO_VERIFY,
    SERVER,
    SHARD,
    SHOW_VALUES,
    SPAN_TYPE,
    TENANTS,
    WAIT,
    Version,
)
from tenantry.verbs.production import YES
from tenantry.verbs.recording import Record
from tenantry.verbs.resume import check_files, order_tenants, pick_up, read_resumed
from tenantry.verbs.staging import BY_THE_FILE, Advance, make_course
from tenantry.verbs.verb import Events, Repeated, Request, Verb
from tenantry.verbs.versions import find_version

_HELP = """Apply pending files to every selected tenant, in order, each file and its record in one transaction.

A file that fails is rolled back completely, and only its tenant stops. The master goes first; if it fails, no tenant
starts. Exit code 0 means that every selected database was read again and has every file.

\b
  tenantry migrate --tenants 1,16
  tenantry migrate --tenants all --to 9 --dry-run
  tenantry migrate --server main="host=db.example.org user=app" --format jsonl
  tenantry migrate --engine procrastinate
"""

_PARAMS = (
    TENANTS,
    SHARD,
    click.Option(["--to"], type=Version(), metavar="VERSION", help="Apply files up to and including this version."),
    DRY_RUN,
    YES,
    click.Option(
        ["--out-of-order"],
        type=Version(),
        multiple=True,
        metavar="VERSION",
        help="Apply this file even though newer ones are applied; may be repeated.",
    ),
    click.Option(
        ["--allow"],
        multiple=True,
        metavar="RULE",
        shell_complete=complete_rules,
        help="Apply files despite this danger, a rule of lint; may be repeated.",
    ),
    click.Option(
        ["--resume-at"],
        type=click.IntRange(min=1),
        metavar="N",
        help="Resume one tenant's unfinished file at statement N, when tenantry cannot tell whether the interrupted "
        "statement took effect.",
    ),
    click.Option(["--create"], is_flag=True, help="Create missing databases on real servers too."),
    click.Option(
        ["--resume"],
        is_flag=False,
        flag_value=LAST,
        metavar="[RUN]",
        shell_complete=complete_runs,
        help="Resume a run, by default the last: with its options and the same files, its tenants that did not end "
        "well, in its order.",
    ),
    click.Option(["--reason"], help="Reason for this run; kept in the log forever."),
    NO_VERIFY,
    FULL,
    click.Option(
        ["--max-failures"],
        type=LIMIT_TYPE,
        metavar="N|N%",
        help="Start no other tenant after more than N failures; overrides the limit of the rollout.",
    ),
    click.Option(
        ["--stage"],
        metavar="NAME",
        shell_complete=complete_stages,
        help="Run the stages of the rollout up to and including this one.",
    ),
    click.Option(
        ["--no-rollout"], is_flag=True, help="Ignore the rollout of tenants.yaml: no stages, and no limit of its own."
    ),
    click.Option(
        ["--deadline"],
        type=SPAN_TYPE,
        metavar="TIME",
        help="Start no tenant that, going by the others, would not finish within TIME, such as 25m.",
    ),
    ENGINE,
    JOBS,
    LOCK_WAIT,
    SERVER,
    WAIT,
    SHOW_VALUES,
)


def start(
    project: Project,
    *,
    to: int | None = None,
    dry_run: bool = False,
    out_of_order: Collection[int] = (),
    allow: Collection[str] = (),
    resume_at: int | None = None,
    verify: bool = True,
    full: bool = False,
    resumes: str = "",
    carried: Sequence[str] = (),
    selection: str = "",
    reason: str = "",
    advance: Advance = BY_THE_FILE,
    engine: str = THREADS,
) -> Events:
    """Apply the pending files to every selected tenant, in order, up to the version `to`.

    With `dry_run`, only report them. `out_of_order` are versions to apply although newer ones are applied. `allow` are
    rules of lint whose dangers are let through. `resume_at` is the statement, counted from 1, at which the unfinished
    file of one tenant is resumed. With `verify`, each schema is compared with the files afterwards; one that has not
    changed since it was last proven, only with `full`. `resumes` and `selection` are kept in the journal: see `Record`;
    `carried` are the runs that came before, whose workers must not go on. `advance` says how the rollout is followed,
    `engine` who works on the tenants, and `reason` why there is this run: it is kept in the log. Raises ConfigError
    where no file has one of the versions, a rule is unknown, the rollout is wrong, or `resume_at` is given for several
    tenants; ServerError where the embedded server cannot be started.
    """
    late = frozenset(out_of_order)
    check_rules(allow)
    for option, versions in (("--to", [] if to is None else [to]), ("--out-of-order", sorted(late))):
        for version in versions:
            find_version(project, version, option)
    if beyond := [version for version in sorted(late) if to is not None and version > to]:
        raise ConfigError((Problem(f"--out-of-order {beyond[0]}: beyond --to {to}, expected a version up to it"),))
    if resume_at:
        _check_alone(project, resume_at)
    course = make_course(project, advance, proves=verify)
    project = replace(project, tenants=course.tenants)
    if dry_run:
        # The job of plan itself: a dry run that decided on its own could promise something else.
        return plan.run(project, "migrate", to, late, allowed=allow, course=course)
    options: dict[str, Any] = {"to": to, "out_of_order": sorted(late), "allow": list(allow), "resume_at": resume_at}
    options |= {"no_verify": not verify, "full": full, "reason": reason.strip()}
    # One for all tenants: what one of them was refused for is the next one's answer as well.
    prover = make_prover(project, full=full, writes=True) if verify else None
    carrier = Carrier(project, engine, options, carried)
    record = Record({**options, "engine": engine if engine != THREADS else None}, resumes, selection)
    events = carrier.watch(
        run_job(
            project,
            "migrate",
            make_job_of(project, options, prover),
            staged=True,
            course=course,
            makes_server=True,
            record=record,
            preface=chain(carrier.preface(), course.describe()),
            settle=prover.proofs.settle if prover else None,
            engine=carrier.engine,
        )
    )
    return events if to is not None or project.config.dump is None else _add_dump(project, events)


def resume(
    project: Project, word: str, *, dry_run: bool = False, advance: Advance = BY_THE_FILE, engine: str = ""
) -> Events:
    """Resume a run of this project, by the start of its id or as the last one, with its options and the same files.

    It works on the tenants that did not end well, which have to be selected. `engine` is who works on them, if not that
    of the run. Raises as `start` does; Blocked where that run is still going on, and FilesDiffer where the files are
    others.
    """
    resumed, project = pick_up(project, word)
    options, header = resumed.options, resumed.header
    return start(
        project,
        to=options.get("to"),
        dry_run=dry_run,
        out_of_order=options.get("out_of_order", ()),
        allow=options.get("allow", ()),
        resume_at=options.get("resume_at"),
        verify=not options.get("no_verify"),
        full=options.get("full", False),
        resumes=header.run_id,
        carried=resumed.carried,
        selection=header.selection,
        reason=options.get("reason", ""),
        advance=advance,
        engine=engine or options.get("engine") or THREADS,
    )


def _add_dump(project: Project, events: Events) -> Events:
    """Yield the events of a run, and before the last one, write the schema of its files if all went well."""
    # Few projects have one, and no other run needs the many modules that write DDL.
    from tenantry.scratch.dump import write_dump

    outcome = Outcome()
    with closing(events):
        for event in events:
            outcome.add(event)
            # Also where it cannot be written, the databases are as they should be.
            if isinstance(event, RunFinished) and outcome.exit_code == 0 and (problem := write_dump(project)):
                yield WarningRaised("", problem)
            yield event


def _start(request: Request) -> Events:
    if request.options["resume"] is None:
        applies = not request.options["dry_run"]
        return _start_on(open_request(request, makes_server=applies, writes=applies), request.options)
    resumed, request = read_resumed(request)
    project = order_tenants(open_request(request, writes=True), resumed.left)
    check_files(project, resumed)
    header = resumed.header
    return _start_on(
        project, request.options, resumes=header.run_id, carried=resumed.carried, selection=header.selection
    )


def _repeat(request: Request) -> Repeated | None:
    """Return the command of the run that is resumed."""
    if request.options["resume"] is None:
        return None
    header = read_resumed(request)[0].header
    return Repeated("migrate", header.options, header.typed, header.servers)


def _start_on(
    project: Project,
    options: Mapping[str, Any],
    *,
    resumes: str = "",
    carried: Sequence[str] = (),
    selection: str = "",
) -> Events:
    return start(
        project,
        to=options["to"],
        dry_run=options["dry_run"],
        reason=options["reason"] or "",
        out_of_order=options["out_of_order"],
        allow=options["allow"],
        resume_at=options["resume_at"],
        verify=not options["no_verify"],
        full=options["full"],
        resumes=resumes,
        carried=carried,
        selection=selection,
        engine=options["engine"],
        advance=Advance(options["max_failures"], options["stage"], not options["no_rollout"], options["deadline"]),
    )


def _check_alone(project: Project, resume_at: int) -> None:
    """Raise ConfigError where a statement's number could be one of several files'."""
    if len(project.tenants) != 1:
        message = f"--resume-at {resume_at}: {len(project.tenants)} tenants are selected, expected one"
        raise ConfigError((Problem(message, f"choose one with --tenants {project.tenants[0].name}"),))


VERB = Verb(_HELP, _PARAMS, _start, repeats=_repeat)
