"""`plan`: tenants with the same pending files share one plan; plans are named A, B, C by their number of tenants."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from tenantry.model import Migration, label
from tenantry.model.events import (
    Event,
    FindingReported,
    HazardFound,
    MigrationMeasured,
    RunFinished,
    StagePlanned,
    TenantPlanned,
)
from tenantry.model.outcome import Outcome, TenantOutcome
from tenantry.model.results import PLAIN, Result
from tenantry.model.words import count
from tenantry.reports.causes import group_troubles, share_verdict
from tenantry.reports.formats import Call, Sink
from tenantry.reports.hazards import write_effects, write_hazard
from tenantry.reports.output import Output
from tenantry.reports.wording import count_tenants, indent, name_tenants, render_hint, render_shared_hint

Steps = tuple[Migration, ...]


class Plans:
    """The distinct plans of a run, collected from its events."""

    def __init__(self) -> None:
        self.outcome = Outcome()
        # By the path of the file: two sets may have the same version.
        self.measured: dict[str, MigrationMeasured] = {}
        self.hazards: list[HazardFound] = []
        self.findings: dict[str, list[FindingReported]] = defaultdict(list)
        self.stages: list[StagePlanned] = []
        self._tenants: dict[Steps, list[str]] = defaultdict(list)

    def add(self, event: Event) -> None:
        """Take in one event."""
        self.outcome.add(event)
        match event:
            case TenantPlanned(tenant, plan) if not plan.blockers:
                # Hashed by version, name and checksum: tenants with the same texts pending share a plan.
                self._tenants[plan.steps + plan.repeatables].append(tenant)
            case StagePlanned():
                self.stages.append(event)
            case MigrationMeasured(migration):
                self.measured[migration.path] = event
            case HazardFound(hazard=hazard) if not hazard.allowed:
                self.hazards.append(event)
            case FindingReported(tenant):
                self.findings[tenant].append(event)
            case _:
                return

    def distinct(self) -> Iterator[tuple[str, Steps, list[str]]]:
        """Yield name, files and tenants of each plan that has files, the plan with the most tenants first."""
        order = {name: index for index, name in enumerate(self.outcome.tenants)}
        plans = [(steps, self._in_order(steps)) for steps in self._tenants if steps]
        # The second key keeps the letters the same from run to run: tenants answer in any order.
        plans.sort(key=lambda plan: (-len(plan[1]), order[plan[1][0]]))
        for index, (steps, names) in enumerate(plans):
            yield _letters(index), steps, names

    def up_to_date(self) -> list[str]:
        """Return the tenants without pending files."""
        return self._in_order(())

    def _in_order(self, steps: Steps) -> list[str]:
        """Return the tenants of a plan in the order of selection, not in the order of their answers."""
        names = set(self._tenants.get(steps, ()))
        return [name for name in self.outcome.tenants if name in names]


def make_sink(stream: Output, call: Call) -> Sink:
    """Return a sink that writes each distinct plan after all tenants have been read."""
    plans = Plans()

    def write(event: Event) -> None:
        plans.add(event)
        if isinstance(event, RunFinished):
            stream.write_lines(_render(plans, call))

    return write


def _render(plans: Plans, call: Call) -> Iterator[str]:
    yield from _render_stages(plans.stages)
    for name, steps, tenants in plans.distinct():
        yield f"{count_tenants(tenants)}: plan {name}: {count(len(steps), 'file')} for {name_tenants(tenants)}"
        for step in steps:
            aside = "" if step.transactional else "  (statement by statement, outside a transaction)"
            yield f"  {label(step.version, step.name)}  {step.path}{aside}"
            if step.path in plans.measured:
                yield from (f"    {line}" for line in write_effects(plans.measured[step.path]))
    for found in plans.hazards:
        yield from write_hazard(found)
    idle = plans.up_to_date()
    if idle:
        yield f"{count_tenants(idle)}: up to date: {name_tenants(idle)}"
    for group in _group(plans):
        yield from _write_trouble(group, plans, call)


def _group(plans: Plans) -> Iterator[list[TenantOutcome]]:
    """Yield the tenants without a plan by their trouble, in the order of the run; one with findings is alone."""
    order = {name: index for index, name in enumerate(plans.outcome.tenants)}
    told = [one for one in plans.outcome.tenants.values() if one.findings]
    alone = [[one] for one in told if one.verdict and one.verdict.result not in PLAIN]
    shared = [group for group in group_troubles(plans.outcome) if not group[0].findings]
    yield from sorted([*alone, *shared], key=lambda group: order[group[0].tenant])


def _write_trouble(tenants: Sequence[TenantOutcome], plans: Plans, call: Call) -> Iterator[str]:
    names, verdict = [one.tenant for one in tenants], share_verdict(tenants)
    if verdict is None:
        return
    yield f"{name_tenants(names)}: {verdict.result.value}: {verdict.reason}"
    if verdict.result is Result.FINDING:
        yield from _write_findings(plans.findings[names[0]], call)
    hint = verdict.hint
    if verdict.result is Result.REFUSED and not hint:
        hint = f'run "tenantry verify --tenants {names[0]}" to see the reason'
    if hint:
        yield f"  hint: {render_shared_hint(hint, names, call)}"
    if verdict.trace:
        yield from indent(f"please report this:\n{verdict.trace}")


def _render_stages(stages: Sequence[StagePlanned]) -> Iterator[str]:
    for number, stage in enumerate(stages, start=1):
        rule = f" ({stage.rule})" if stage.rule else ""
        yield f"stage {number} of {len(stages)}: {stage.stage}: {name_tenants(stage.tenants)}{rule}"


def _write_findings(findings: Sequence[FindingReported], call: Call) -> Iterator[str]:
    """Yield the lines of a tenant's findings, each with its hint."""
    for finding in findings:
        yield f"{name_tenants([finding.tenant])}: {finding.problem.message}"
        if finding.detail:
            yield from indent(finding.detail)
        if finding.problem.hint:
            yield f"  hint: {render_hint(finding.problem.hint, call)}"


def _letters(index: int) -> str:
    """Return A to Z, then AA, AB and so on."""
    name = ""
    while index >= 0:
        name = chr(ord("A") + index % 26) + name
        index = index // 26 - 1
    return name
