"""`runs`: the journals of this machine: which runs there were, what each did, and whether the ledgers say the same."""

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, get_args

import click

from tenantry.fleet.journal.form import Journal, JournalHeader, replay
from tenantry.fleet.journal.places import LAST
from tenantry.fleet.journal.reading import Runs, find_runs
from tenantry.fleet.turns import Job
from tenantry.ledger.log import read_log
from tenantry.ledger.statuses import compare_rows, refuse_bare
from tenantry.model import Tenant
from tenantry.model.errors import Problem, Refused
from tenantry.model.events import (
    Event,
    FindingReported,
    LinePrinted,
    RowReported,
    RunFinished,
    RunStarted,
    Verdict,
    WarningRaised,
)
from tenantry.model.outcome import Outcome
from tenantry.model.results import GOOD, Cell, Result
from tenantry.model.words import count
from tenantry.project import Project
from tenantry.proof.agreement import find_disagreements, read_stories
from tenantry.proof.prover import Prover, make_prover
from tenantry.verbs.completions import complete_runs
from tenantry.verbs.jobs import run_job
from tenantry.verbs.opening import open_request, read_request, refuse_idle
from tenantry.verbs.options import FULL, JOBS, NO_VERIFY, SERVER, WAIT
from tenantry.verbs.verb import Events, Repeated, Request, Verb

_HELP = """List the runs that wrote, show the report of one again, or check one against the databases.

RUN is the beginning of a run's id, or "last". Each run of a verb that writes has a journal on this machine, in the
state folder; the newest 100 are kept. "check" compares the journal of RUN, and of the runs that resumed it, with the
ledger and the log of each of its tenants, and proves the schemas of those that ended well.

\b
  tenantry runs
  tenantry runs show last
  tenantry runs check 5e1f0c3a
"""

Action = Literal["list", "show", "check"]
# As click writes it, in the words of all its versions.
_ACTIONS = f"[{'|'.join(get_args(Action))}]"
_PARAMS = (
    click.Argument(["action"], type=click.Choice(get_args(Action)), required=False, default="list", metavar=_ACTIONS),
    click.Argument(["run"], required=False, shell_complete=complete_runs),
    NO_VERIFY,
    FULL,
    JOBS,
    SERVER,
    WAIT,
)
_CHECKS = {"no_verify": "--no-verify", "full": "--full", "jobs": "--jobs", "servers": "--server", "wait_s": "--wait"}


def list_runs(runs: Runs, run_id: str) -> Events:
    """Report one row for each run of a project, the newest first."""
    yield RunStarted("runs", run_id, ())
    found = False
    for header, path, reason in runs.headers():
        found = True
        if header is None:
            yield WarningRaised("", Problem(f"{runs.shown / path.name}: {reason}"))
        else:
            journal = runs.read(path, ends_alone=True)
            # Of a run that was killed, the other events say which tenants were at work.
            yield RowReported("", _cells(header, journal if journal.finished else runs.read(path)))
    if not found:
        yield LinePrinted("no run is recorded")
    yield RunFinished(0)


def start_check(project: Project, trail: Sequence[Journal], *, verify: bool = True, full: bool = False) -> Events:
    """Compare the journals of a run, and of those that resumed it, with each selected tenant.

    With `verify`, the schemas of the tenants that ended well are compared with the files as well. Raises ServerError
    where the embedded server cannot be started.
    """
    prover = make_prover(project, full=full) if verify else None
    return run_job(project, "runs", _make_job(project, trail, prover), settle=prover.proofs.settle if prover else None)


def _start(request: Request) -> Events:
    options, runs = request.options, find_runs(read_request(request))
    if options["action"] != "check":
        refuse_idle(request, _CHECKS, f"with runs {options['action']}")
    if options["action"] == "list":
        refuse_idle(request, {"run": f"RUN {options['run']!r}"}, "with runs list")
        return list_runs(runs, request.run_id)
    journal = runs.find(options["run"] or LAST)
    if options["action"] == "show":
        return _show(journal)
    # The tenants of the run, and no others.
    chosen = {**options, "tenants": ",".join(journal.header.tenants)}
    project = open_request(replace(request, options=chosen))
    return start_check(project, runs.trail(journal), verify=not options["no_verify"], full=options["full"])


def _show(journal: Journal) -> Events:
    yield from replay(journal)


def _repeat(request: Request) -> Repeated | None:
    """Return the command whose report is shown: its hints are about that one."""
    if request.options["action"] != "show":
        return None
    header = find_runs(read_request(request)).find(request.options["run"] or LAST).header
    return Repeated(header.verb, header.options, header.typed, header.servers)


def _cells(header: JournalHeader, journal: Journal) -> Mapping[str, Cell]:
    outcome = Outcome()
    for event in replay(journal):
        outcome.add(event)
    totals = ", ".join(f"{number} {result.value}" for result, number in outcome.totals.items())
    state = "running" if journal.running else "finished" if journal.finished else "killed"
    return {
        "run": header.short,
        "started": header.started_at,
        "verb": header.verb,
        "tenants": len(header.tenants),
        "state": state,
        "exit code": outcome.exit_code if journal.finished else None,
        "result": totals,
        "by": header.user,
        "resumes": header.resumes[:8],
    }


def _make_job(project: Project, trail: Sequence[Journal], prover: Prover | None) -> Job:
    stories = read_stories(trail)

    def check(tenant: Tenant) -> Generator[Event, None, Verdict]:
        story = stories[tenant.name]
        found = Counter[str]()
        with project.reading(tenant) as ledger:
            if ledger is None and story.ran:
                raise Refused(f"the database {tenant.database!r} does not exist, although the run applied files to it")
            if ledger is not None:
                rows = ledger.read()
                for problem in find_disagreements(story, tenant.set_name, rows, read_log(ledger)):
                    found["disagreement"] += 1
                    yield FindingReported(tenant.name, problem)
                if prover and rows and story.verdict and story.verdict.result in GOOD:
                    statuses = compare_rows(project.files(tenant), rows, ledger)
                    refuse_bare(statuses, ledger)
                    for event in prover.prove(ledger, statuses):
                        found["difference"] += isinstance(event, FindingReported)
                        yield event
        if found.total():
            said = (count(number, word) for word, number in found.items() if number)
            return Verdict(Result.FINDING, ", ".join(said))
        if story.verdict is None:
            hint = f'run "tenantry migrate --resume {trail[-1].header.short}"'
            return Verdict(Result.FINDING, "no journal says how this tenant ended", hint)
        return Verdict(Result.OK)

    return check


VERB = Verb(_HELP, _PARAMS, _start, repeats=_repeat)
