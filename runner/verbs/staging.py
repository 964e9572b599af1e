"""How a run goes through the fleet: the rollout of tenants.yaml, with what the command line says, for one selection."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial

from tenantry.fleet.matching import Sources
from tenantry.fleet.selection import parse_selection, select
from tenantry.model import SetName, Tenant
from tenantry.model.durations import describe_span
from tenantry.model.errors import ConfigError, Problem
from tenantry.model.events import StagePlanned
from tenantry.model.rollout import NO_ROLLOUT, Bounds, Limit, Rollout, Stage, StageRule
from tenantry.model.words import nearest, one_of
from tenantry.planning.rollout import divide, name_rest
from tenantry.project import Project
from tenantry.verbs.gates import ask_gate, check_gate

# Arbitrary: of fewer tenants, nobody can say that a file is broken for all.
_FEWEST_SAME = 3


@dataclass(frozen=True, slots=True)
class Advance:
    """What the command line says about the rollout: see the options of `migrate`."""

    limit: Limit | None = None
    last_stage: str | None = None
    staged: bool = True
    deadline_s: float | None = None


BY_THE_FILE = Advance()


@dataclass(frozen=True, slots=True)
class Course:
    """The stages of a run in their order, and its bounds."""

    stages: tuple[Stage, ...]
    bounds: Bounds

    @property
    def tenants(self) -> tuple[Tenant, ...]:
        """Return the tenants of all stages, in the order in which they are worked on."""
        return tuple(tenant for stage in self.stages for tenant in stage.tenants)

    def describe(self) -> Iterator[StagePlanned]:
        """Yield each stage of the rollout with its tenants."""
        for stage in self.stages:
            if stage.name:
                yield StagePlanned(stage.name, tuple(tenant.name for tenant in stage.tenants), _describe(stage))


def make_course(project: Project, advance: Advance = BY_THE_FILE, *, proves: bool = True) -> Course:
    """Return the way of a run through the selected tenants.

    `proves`: the run proves its tenants, as stages with `verify` need. Raises ConfigError, also for a stage that
    matches nobody in the whole fleet.
    """
    rollout = project.config.rollout if advance.staged else NO_ROLLOUT
    limit = advance.limit or rollout.limit
    # A file that is broken for everybody then costs the tenants that are worked on at once, not the fleet.
    same = max(project.choice.jobs, _FEWEST_SAME) if advance.staged else None
    bounds = Bounds(limit, same, advance.deadline_s)
    # The master alone needs no list of tenants, and there may be none yet.
    alone = all(tenant.set_name is SetName.MASTER for tenant in project.tenants)
    rules = NO_ROLLOUT if alone and not advance.last_stage else rollout
    _check_rules(rules, proves=proves)
    stages = divide(project.tenants, rules, _match(project, rules), limit)
    stages = [_add_gate(project, stage, rules) for stage in stages]
    return Course(tuple(_cut(stages, rules, advance.last_stage)), bounds)


def _check_rules(rollout: Rollout, *, proves: bool) -> None:
    problems = [problem for rule in rollout.stages if (problem := check_gate(rule))]
    if not proves:
        problems += [
            Problem(f"--no-verify: stage {rule.name!r} has verify, expected a proof there", "or give --no-rollout")
            for rule in rollout.stages
            if rule.verify
        ]
    if problems:
        raise ConfigError(tuple(problems))


def _match(project: Project, rollout: Rollout) -> list[Collection[str]]:
    """Return the names that each stage matches, in the whole fleet: a part of it may well have nobody of a stage."""
    matches: list[Collection[str]] = []
    problems: list[Problem] = []
    for rule in rollout.stages:
        try:
            matches.append(_match_stage(project, rule))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(tuple(problems))
    return matches


def _match_stage(project: Project, rule: StageRule) -> Collection[str]:
    if not rule.match:
        return {tenant.name for tenant in project.known}
    selection = parse_selection(rule.match, rule.at)
    found = select(project.known, project.config.master, selection, Sources(project.config.root))
    return {tenant.name for tenant in found}


def _add_gate(project: Project, stage: Stage, rollout: Rollout) -> Stage:
    rule = next((rule for rule in rollout.stages if rule.name == stage.name), None)
    if rule is None or not (rule.gate or rule.gate_command):
        return stage
    return replace(stage, gate=partial(ask_gate, project, rule))


def _cut(stages: list[Stage], rollout: Rollout, last: str | None) -> list[Stage]:
    """Return the stages up to and including the last one that is wanted. Raises ConfigError."""
    if last is None:
        return stages
    if not rollout.stages:
        message = f"--stage {last}: there are no stages, expected some under rollout in tenants.yaml"
        raise ConfigError((Problem(message),))
    names = [*(rule.name for rule in rollout.stages), name_rest(rollout)]
    if last not in names:
        message = f"--stage: unknown stage {last!r}, expected {one_of(names)}"
        raise ConfigError((Problem(message, nearest(last, names)),))
    wanted = {"", *names[: names.index(last) + 1]}
    kept = [stage for stage in stages if stage.name in wanted]
    if not kept:
        raise ConfigError((Problem(f"--stage {last}: contains none of the selected tenants, expected at least one"),))
    return kept


def _describe(stage: Stage) -> str:
    """Return in words when the next stage may start."""
    words = [f"max-failures {stage.limit}"] if stage.limit else []
    words += ["verified"] if stage.verified else []
    words += [f"a pause of {describe_span(stage.pause_s)}"] if stage.pause_s else []
    words += [f"a gate for up to {describe_span(stage.gate_timeout_s)}"] if stage.gate else []
    return ", ".join(words)
