"""Keeps dangerous files from live databases, and says so before the first statement."""

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tenantry.fleet import run as fleet
from tenantry.fleet.shared import Shared
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.log import record_danger_allowed
from tenantry.model import NO_VERSION, AppliedMigration, Migration, Plan, RowState, SetName, Tenant, label
from tenantry.model.errors import ConfigError, Problem
from tenantry.model.events import Event, HazardFound, Verdict
from tenantry.model.results import Result
from tenantry.model.rollout import Stage
from tenantry.project import Project

if TYPE_CHECKING:
    # The rules come with these: a run that applies nothing to a live database never loads them.
    from tenantry.lint.linter import Linted
    from tenantry.lint.weighing import Weighed
    from tenantry.model.hazards import Hazard

_NONE: frozenset[int] = frozenset()
Look = Callable[[Tenant, Ledger], tuple[Plan, Sequence[AppliedMigration]]]


@dataclass(frozen=True, slots=True)
class Gate:
    """The part of lint that all tenants of a run share: `allowed` are the rules whose dangers are let through.

    Files are linted for the first tenant that would get them, and `shared` keeps the result for all others. `look`
    plans a tenant by its ledger. `unsaid` are the refusals that were foreseen and not yet reported.
    """

    project: Project
    allowed: Collection[str]
    look: Look
    shared: Shared = field(default_factory=Shared)
    unsaid: "list[HazardFound]" = field(default_factory=list)

    def check(
        self, ledger: Ledger, plan: Plan, rows: Sequence[AppliedMigration]
    ) -> Generator[Event, None, Verdict | None]:
        """Report the dangers of a plan; return how the tenant ends if one is not allowed, None if all are.

        `rows` are the records of the tenant. Nobody works on a database without any record, and nobody waits long for
        a small table. Dangers that --allow lets through go into the tenant's log.
        """
        steps = find_unseen(plan, rows)
        if not steps:
            return None
        from tenantry.lint.linter import show_weighed

        known = self._look_ahead(ledger.tenant.set_name, steps)
        # Each is taken by one tenant alone: threads share the list.
        while self.unsaid:
            yield self.unsaid.pop()
        counting = self.weigh(ledger, plan, rows)
        if refused := [one for one in counting if one.hazard.rule not in self.allowed]:
            if [one.hazard for one in refused] != [one.hazard for one in known.get(ledger.tenant.name, ())]:
                yield from show_weighed(ledger.tenant.name, refused, steps)
            return _refuse([one.hazard for one in refused], steps, ledger.tenant.name)
        # Logged before the first statement: if the file takes the application down, the log says who allowed it.
        for step in steps:
            if rules := {one.hazard.rule for one in counting if one.hazard.path == step.path}:
                record_danger_allowed(ledger, step, sorted(rules))
        return None

    def weigh(self, ledger: Ledger, plan: Plan, rows: Sequence[AppliedMigration]) -> "tuple[Weighed, ...]":
        """Return the dangers of a plan that count in a tenant, those that --allow lets through among them."""
        steps = find_unseen(plan, rows)
        if not steps:
            return ()
        from tenantry.lint.linter import find_dangers
        from tenantry.lint.weighing import Scale, is_unfinished, map_effects

        versions, paths = frozenset(step.version for step in steps), {step.path for step in steps}
        linted = self._lint(self.project.directories[ledger.tenant.set_name].files, versions)
        config = self.project.config
        scale = Scale(config.small_table_bytes, is_unfinished(rows))
        effects = map_effects(linted.files, linted.effects, plan.steps)
        dangers = [hazard for hazard in find_dangers(linted, versions, ()) if hazard.path in paths]
        return scale.weigh(ledger.connection, ledger.tenant.name, config.ledger_schema, dangers, effects)

    def _look_ahead(self, set_name: SetName, steps: Sequence[Migration]) -> "Mapping[str, tuple[Weighed, ...]]":
        """Return the dangers for which each tenant will be refused, found before the first one gets anything.

        Where no file has a danger, no tenant is asked; a single one is not asked twice. `steps` are those of the first.
        """
        if len(self.project.tenants) == 1:
            return {}
        known, _ = self.shared.get("ahead", lambda: self._survey_all(set_name, steps))
        return known

    def _survey_all(self, set_name: SetName, steps: Sequence[Migration]) -> "dict[str, tuple[Weighed, ...]]":
        from tenantry.lint.linter import show_weighed

        tenants, files = list[Tenant](), {}
        for name, directory in self.project.directories.items():
            files[name] = directory.files
            if self._may_refuse(files[name], frozenset(step.version for step in steps) if name is set_name else _NONE):
                tenants += [tenant for tenant in self.project.tenants if tenant.set_name is name]
        found = self.survey(tenants)
        for tenant in reversed(tenants):
            refused = show_weighed(tenant.name, found.get(tenant.name, ()), files[tenant.set_name])
            self.unsaid.extend(reversed(tuple(refused)))
        return found

    def _may_refuse(self, files: Sequence[Migration], versions: frozenset[int]) -> bool:
        """Return whether a file may be refused to a tenant: one of these versions by its measured effects.

        Of the others, which only a tenant that lags behind would get, the syntax decides: all of them would take long
        to measure, and most of them are applied everywhere.
        """
        from tenantry.lint.linter import find_dangers
        from tenantry.lint.ruleset import find_syntactic_dangers

        if versions and find_dangers(self._lint(files, versions), versions, self.allowed):
            return True
        return find_syntactic_dangers(files, {file.version for file in files} - versions, self.allowed)

    def survey(self, tenants: Sequence[Tenant]) -> "dict[str, tuple[Weighed, ...]]":
        """Return for each tenant the dangers that count there and are not allowed, by reading alone.

        Tenants that could not be read are left out.
        """
        found: dict[str, tuple[Weighed, ...]] = {}

        def ask(tenant: Tenant) -> Generator[Event, None, Verdict]:
            with self.project.reading(tenant) as ledger:
                if ledger:
                    plan, rows = self.look(tenant, ledger)
                    # Who is kept back for another reason is told that one.
                    counting = () if plan.blockers else self.weigh(ledger, plan, rows)
                    found[tenant.name] = tuple(one for one in counting if one.hazard.rule not in self.allowed)
            yield from ()
            return Verdict(Result.OK)

        run_id, jobs = self.project.provenance.run_id, self.project.choice.jobs
        for _ in fleet.run("lint", run_id, [Stage(tuple(tenants))], ask, jobs=jobs, stop=self.project.stop):
            # Whoever cannot be read says so in the turn of its own.
            pass
        return found

    def foresee(self, tenants: Sequence[Tenant]) -> Iterator[HazardFound]:
        """Yield each danger for which `check` would refuse one of these tenants, once, with the largest sizes."""
        if not tenants:
            return
        from tenantry.lint.linter import show_weighed
        from tenantry.lint.weighing import join_weighed

        found = self.survey(tenants)
        files = self.project.directories[tenants[0].set_name].files
        yield from show_weighed("", join_weighed(found.values()), files)

    def _lint(self, files: Sequence[Migration], versions: frozenset[int]) -> "Linted":
        """Return the findings in the files of these versions."""
        from tenantry.lint.linter import make_linter

        # Repeatables come after all others.
        newest = max(file.version for file in files) if NO_VERSION in versions else max(versions)
        needed = [
            file for file in files if file.version <= newest and (file.version in versions or file.version > NO_VERSION)
        ]
        # With its linter, which looks at every tenant of the project: that is not to be done again for each of them.
        linted, _ = self.shared.get(
            (needed[-1].path, versions), lambda: make_linter(self.project).lint(needed, versions)
        )
        return linted


def find_unseen(plan: Plan, rows: Sequence[AppliedMigration]) -> list[Migration]:
    """Return the files that no run was let through with; none where nothing is recorded, since nobody works there.

    A file that was begun is better finished, as it was then. Repeatables are last; their pending texts are new ones.
    """
    recorded = {(row.version, row.checksum) for row in rows if row.state is not RowState.ROLLED_BACK}
    if not recorded:
        return []
    steps = (step for step in plan.steps if (step.version, step.checksum) not in recorded)
    return [*steps, *plan.repeatables]


def list_dangers() -> list[str]:
    """Return the rules whose findings can be allowed, by name."""
    from tenantry.lint.ruleset import RULES
    from tenantry.model.hazards import Level

    return sorted(name for name, rule in RULES.items() if rule.level is Level.DANGER)


def check_rules(allowed: Collection[str]) -> None:
    """Raise ConfigError if a name is not that of a rule whose dangers can be allowed."""
    if not allowed:
        return
    known = list_dangers()
    problems = [
        Problem(f"--allow: {name!r} is not a rule that finds dangers, expected one of {', '.join(known)}")
        for name in allowed
        if name not in known
    ]
    if problems:
        raise ConfigError(tuple(problems))


def _refuse(refused: "Sequence[Hazard]", steps: Sequence[Migration], tenant: str) -> Verdict:
    """Return how a tenant ends that is kept from these dangers, with the ways around them."""
    rules = list(dict.fromkeys(hazard.rule for hazard in refused))
    paths = {hazard.path for hazard in refused}
    names = [label(step.version, step.name) for step in steps if step.path in paths]
    lines = " and ".join(f'"-- lint: allow {rule} because ..."' for rule in rules)
    allow = " ".join(f"--allow {rule}" for rule in rules)
    # Of a file that could not be measured, nobody knows that it is dangerous, or what its safe form would be.
    unknown = rules == ["unmeasured"]
    hint = (
        f"{'have it measured' if unknown else 'write it in the safe form'}; if it keeps nobody waiting, "
        f'add {lines} to the header, or run "tenantry migrate --tenants {tenant} {allow}"'
    )
    danger = "not measured, so it may be dangerous" if unknown else "dangerous"
    return Verdict(Result.REFUSED, f"{danger} on a live database: {', '.join(names)}", hint)
