"""The job of `migrate`: one tenant brought to its files, a method for each step, and what every tenant is due."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from tenantry.apply.run import apply_plan, await_others
from tenantry.apply.site import Site
from tenantry.fleet.turns import Job
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.statuses import compare_rows, find_witness, refuse_bare
from tenantry.lint.gate import Gate
from tenantry.model import AppliedMigration, MigrationStatus, Plan, RowState, State, Tenant, label
from tenantry.model.errors import Refused
from tenantry.model.events import Event, TenantCompared, TenantPlanned, Verdict, WarningRaised
from tenantry.model.results import GOOD, Result
from tenantry.planning.policy import describe_freeze, describe_held, limit_target, today
from tenantry.planning.steps import make_plan
from tenantry.planning.words import summarise
from tenantry.project import Project
from tenantry.proof.findings import describe_renamed, find_in, warn
from tenantry.proof.prover import Prover, make_prover
from tenantry.verbs import plan


def make_job_of(project: Project, options: Mapping[str, Any], prover: Prover | None = None) -> Job:
    """Return the job of a run with these options, as the journal has them: also in a worker, which gets no others.

    A worker keeps its proofs on its own machine, and `prover` is that of a run which keeps them in the master as well.
    """
    project = replace(project, provenance=replace(project.provenance, reason=options.get("reason") or ""))
    late = frozenset(options["out_of_order"])
    gate = Gate(project, options["allow"], plan.make_look(project, options["to"], late))
    if prover is None and not options["no_verify"]:
        prover = make_prover(project, full=options["full"])
    return make_job(
        project,
        options["to"],
        late,
        gate,
        prover=prover,
        resume_at=options["resume_at"],
    )


def make_job(
    project: Project,
    target: int | None,
    late: frozenset[int],
    gate: Gate | None = None,
    *,
    prover: Prover | None = None,
    resume_at: int | None = None,
) -> Job:
    """Return the job that applies what is pending up to `target`, and `late` versions out of order.

    `gate` keeps dangerous files from databases that have something already: nobody works on an empty one.
    `prover` holds the schema of every tenant against the files afterwards.
    `resume_at` is the statement from which an unfinished file is resumed, if a person has chosen it.
    """
    witnesses = {name: find_witness(directory.migrations) for name, directory in project.directories.items()}
    orders = _Orders(target, late, gate, prover, resume_at)

    def migrate(tenant: Tenant) -> Generator[Event, None, Verdict]:
        with ExitStack() as stack:
            if frozen := describe_freeze(tenant, today()):
                return Verdict(Result.SKIPPED, frozen)
            connection = yield from project.open_or_create(tenant, stack)
            # Most tenants have nothing pending: whatever is written after all is guarded in full.
            ledger = project.ledger(tenant, connection, glances=True, witness=witnesses[tenant.set_name])
            return (yield from _Migrating(project, orders, ledger).run())

    return migrate


@dataclass(frozen=True, slots=True)
class _Orders:
    """What a run was told to do with every tenant, as in `make_job`."""

    target: int | None
    late: frozenset[int]
    gate: Gate | None
    prover: Prover | None
    resume_at: int | None


@dataclass(frozen=True, slots=True)
class _Migrating:
    """The migration of one tenant, whose database is open: a method for each step, in the order of `run`."""

    project: Project
    orders: _Orders
    ledger: Ledger

    def run(self) -> Generator[Event, None, Verdict]:
        """Take all steps and return how the tenant ends; none of them is taken after one that ends it."""
        rows = yield from self._read()
        statuses = self._compare(rows)
        plan = self._decide(statuses)
        yield TenantCompared(self._tenant.name, statuses)
        yield TenantPlanned(self._tenant.name, plan)
        if refused := (yield from self._gate(statuses, plan, rows)):
            return refused
        refuse_bare(statuses, self.ledger)
        if not plan.steps and not plan.repeatables:
            return (yield from self._prove(statuses, Verdict(Result.UP_TO_DATE)))
        # Before they run: a run that is killed right after must leave no record whose text is unknown.
        self.project.texts.keep((*plan.steps, *plan.repeatables))
        verdict = yield from apply_plan(self._site, plan, rows)
        if verdict.result not in GOOD:
            return verdict
        statuses = yield from self._confirm()
        return (yield from self._prove(statuses, verdict))

    @property
    def _tenant(self) -> Tenant:
        return self.ledger.tenant

    @property
    def _site(self) -> Site:
        ledger, sessions = self.ledger, self.project.sessions
        return Site(self._tenant, ledger.connection, ledger, sessions, self._replan, self.orders.resume_at)

    def _read(self) -> Generator[Event, None, tuple[AppliedMigration, ...]]:
        """Return what the ledger has, once nobody else is at work on it."""
        rows = self.ledger.read()
        if any(row.state is RowState.RUNNING for row in rows):
            # Another runner may be at work on it: only when it holds the lock no more is the row left over.
            rows = yield from await_others(self._site)
        return rows

    def _compare(self, rows: Sequence[AppliedMigration]) -> tuple[MigrationStatus, ...]:
        return compare_rows(self.project.files(self._tenant), rows, self.ledger)

    def _decide(self, statuses: tuple[MigrationStatus, ...]) -> Plan:
        target = limit_target(self._tenant, self.project.files(self._tenant), self.orders.target)
        planned = make_plan(statuses, target=target, allow=self.orders.late)
        return plan.with_repeatables(self.project, self._tenant, planned, target, self.ledger)

    def _replan(self, rows: tuple[AppliedMigration, ...]) -> Plan:
        return self._decide(self._compare(rows))

    def _gate(
        self, statuses: tuple[MigrationStatus, ...], plan: Plan, rows: Sequence[AppliedMigration]
    ) -> Generator[Event, None, Verdict | None]:
        """Return how a tenant ends that must not get this plan, None where it may. Raises Refused."""
        tenant, resume_at = self._tenant, self.orders.resume_at
        if resume_at and not any(status.state is State.INCOMPLETE for status in statuses):
            raise Refused(f"--resume-at {resume_at}: this tenant has no unfinished file")
        if plan.blockers:
            yield from find_in(plan.blockers, statuses, tenant, self.ledger)
            return Verdict(Result.REFUSED, summarise(plan.blockers))
        for status in statuses:
            if status.renamed:
                yield WarningRaised(tenant.name, describe_renamed(status, tenant))
        yield from warn(statuses, tenant)
        if self.orders.gate is None:
            return None
        return (yield from self.orders.gate.check(self.ledger, plan, rows))

    def _confirm(self) -> Generator[Event, None, tuple[MigrationStatus, ...]]:
        """Return what the ledger says when it is read once more: success is what was seen. Raises Refused."""
        rows = yield from self._read()
        statuses = self._compare(rows)
        yield TenantCompared(self._tenant.name, statuses)
        left = self._decide(statuses)
        if left.blockers:
            raise Refused(f"another runner changed the ledger: {summarise(left.blockers)}")
        if left.steps or left.repeatables:
            names = ", ".join(label(step.version, step.name) for step in (*left.steps, *left.repeatables))
            raise Refused(f"{names}: applied but not recorded: another program is changing the ledger")
        return statuses

    def _prove(self, statuses: tuple[MigrationStatus, ...], verdict: Verdict) -> Generator[Event, None, Verdict]:
        """Return the verdict, or where a proof is wanted, what comes of it."""
        prover = self.orders.prover
        if prover is not None and any(status.row for status in statuses):
            verdict = yield from prover.conclude(self.ledger, statuses, verdict.result)
        held = describe_held(self._tenant, statuses, today(), self.orders.target)
        return Verdict(Result.SKIPPED, held) if held and verdict.result in GOOD else verdict
