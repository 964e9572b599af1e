"""Keeps dangerous files from live databases, and says so before the first statement."""

from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tenantry.fleet.shared import Shared
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.log import record_danger_allowed
from tenantry.model import AppliedMigration, Migration, Plan, RowState, label
from tenantry.model.errors import ConfigError, Problem
from tenantry.model.events import Event, Verdict
from tenantry.model.results import Result
from tenantry.project import Project

if TYPE_CHECKING:
    # The rules come with these: a run that applies nothing to a live database never loads them.
    from tenantry.lint.linter import Linted
    from tenantry.model.hazards import Hazard


@dataclass(frozen=True, slots=True)
class Gate:
    """The part of lint that all tenants of a run share: `allowed` are the rules whose dangers are let through.

    Files are linted for the first tenant that would get them, and `linted` keeps the result for all others.
    """

    project: Project
    allowed: Collection[str]
    linted: Shared = field(default_factory=Shared)

    def check(
        self, ledger: Ledger, files: Sequence[Migration], plan: Plan, rows: Sequence[AppliedMigration]
    ) -> Generator[Event, None, Verdict | None]:
        """Report the dangers of a plan; return how the tenant ends if one is not allowed, None if all are.

        `files` are all of the set, `rows` the records of the tenant. Nobody works on a database without any record.
        Dangers that --allow lets through go into the tenant's log.
        """
        recorded = [row for row in rows if row.state is not RowState.ROLLED_BACK]
        steps = find_unseen(plan.steps, recorded)
        if not recorded or not steps:
            return None
        from tenantry.lint.linter import find_dangers, show

        versions = frozenset(step.version for step in steps)
        linted = self._lint(files, versions)
        if refused := find_dangers(linted, versions, self.allowed):
            yield from show(ledger.tenant.name, refused, steps)
            return _refuse(refused, steps, ledger.tenant.name)
        # Logged before the first statement: if the file takes the application down, the log says who allowed it.
        for step in steps:
            if rules := {hazard.rule for hazard in find_dangers(linted, {step.version}, ())}:
                record_danger_allowed(ledger, step, sorted(rules))
        return None

    def _lint(self, files: Sequence[Migration], versions: frozenset[int]) -> "Linted":
        """Return the findings in the files of these versions."""
        from tenantry.lint.linter import make_linter

        needed = [file for file in files if file.version <= max(versions)]
        linter = make_linter(self.project)
        linted, _ = self.linted.get((needed[-1].path, versions), lambda: linter.lint(needed, versions))
        return linted


def find_unseen(steps: Sequence[Migration], recorded: Sequence[AppliedMigration]) -> list[Migration]:
    """Return the steps that no run was let through with; a file that was begun is better finished, as it was then."""
    begun = {(row.version, row.checksum) for row in recorded}
    return [step for step in steps if (step.version, step.checksum) not in begun]


def check_rules(allowed: Collection[str]) -> None:
    """Raise ConfigError if a name is not that of a rule whose dangers can be allowed."""
    if not allowed:
        return
    from tenantry.lint.ruleset import RULES
    from tenantry.model.hazards import Level

    known = sorted(name for name, rule in RULES.items() if rule.level is Level.DANGER)
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
    versions = {hazard.version for hazard in refused}
    names = [label(step.version, step.name) for step in steps if step.version in versions]
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
