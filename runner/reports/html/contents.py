"""The contents of the page: a run as compact lists, in which everything that tenants share stands once. Pure."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median_low
from typing import Any

from tenantry.model.events import FindingReported, HazardFound, StagePlanned
from tenantry.model.hazards import Level
from tenantry.model.outcome import TenantOutcome
from tenantry.model.results import GOOD, Cell, Result, Standing
from tenantry.model.tenants import SetName
from tenantry.reports.advice import describe_rest, list_next_steps, locate
from tenantry.reports.causes import group_findings, group_hazards, group_troubles, share_problem, share_verdict
from tenantry.reports.formats import Call
from tenantry.reports.hazards import describe_effect
from tenantry.reports.summary import RunSummary, TenantSummary
from tenantry.reports.wording import render_hint, render_shared_hint

GOOD_TONE, CARE, BAD = "good", "care", "bad"
# Also in page.js: the shape tells the states apart where colour does not.
MARKS = {GOOD_TONE: "✓", CARE: "△", BAD: "✕"}
_RANKS = (GOOD_TONE, CARE, BAD)
_BAD_RESULTS = frozenset({Result.FAILED, Result.REFUSED, Result.UNREACHABLE})
# Of what could be read, these need a person.
_CARE_STANDINGS = frozenset(
    {
        Standing.PENDING,
        Standing.INCOMPLETE,
        Standing.CHANGED,
        Standing.MISSING,
        Standing.OUT_OF_ORDER,
        Standing.NO_DATABASE,
        Standing.WITHOUT_LOG,
    }
)
# Arbitrary: the files that took longest.
_SLOWEST = 10


@dataclass(slots=True)
class _Shared:
    """Values that are kept once, each found by its place."""

    values: list[Any] = field(default_factory=list)
    places: dict[Hashable, int] = field(default_factory=dict)

    def place(self, key: Hashable, value: Any) -> int:
        """Return the place of the value with this key, which is added if it is new."""
        if key not in self.places:
            self.places[key] = len(self.values)
            self.values.append(value)
        return self.places[key]


def tone_of(summary: RunSummary) -> str:
    """Return how serious a run ended: the worst of its tenants."""
    tones = [tone for _, tone, _ in list_states(summary)]
    if summary.outcome.exit_code and not tones:
        return BAD
    return max(tones, key=_RANKS.index, default=GOOD_TONE)


def list_states(summary: RunSummary) -> list[tuple[str, str, int]]:
    """Return word, tone and number of each state in which tenants are, the least serious first."""
    tones: dict[str, str] = {}
    for tenant in summary.tenants.values():
        if tenant.state:
            tones[tenant.state] = max(_tone(tenant), tones.get(tenant.state, GOOD_TONE), key=_RANKS.index)
    standings = summary.outcome.standings
    states = [(word, tones[word], number) for word, number in standings.items()]
    return sorted(states, key=lambda state: _RANKS.index(state[1]))


def make_contents(summary: RunSummary, call: Call) -> dict[str, Any]:
    """Return the data of the page."""
    states = list_states(summary)
    sets = _list_sets(summary)
    patterns, servers, labels, proofs = _Shared(), _Shared(), _Shared(), _Shared()
    names = {word: index for index, (word, _, _) in enumerate(states)}
    tenants = list(summary.tenants.values())
    columns = list(dict.fromkeys(column for tenant in tenants for column in tenant.row))
    rows = [
        [
            tenant.name,
            tenant.facts.title,
            _place_pattern(patterns, tenant, names.get(tenant.state, 0), sets),
            servers.place(tenant.server, tenant.server),
            tenant.database,
            labels.place(tuple(sorted(tenant.facts.labels.items())), dict(sorted(tenant.facts.labels.items()))),
            tenant.outcome.elapsed_ms,
            tenant.at_ms,
            [_write_cell(tenant.row.get(column)) for column in columns] if tenant.row else 0,
            _place_proof(proofs, tenant),
        ]
        for tenant in tenants
    ]
    return {
        "elapsed": summary.outcome.elapsed_ms,
        "states": states,
        "sets": sets,
        "servers": servers.values,
        "labels": labels.values,
        "patterns": patterns.values,
        "proofs": proofs.values,
        "columns": [column[:1].upper() + column[1:] for column in columns],
        "tenants": rows,
        "causes": list(_list_causes(summary, call)),
        "next": list(list_next_steps(summary.outcome, call)),
        "files": _list_slowest(summary),
        "stages": list(_list_stages(summary)),
        "effects": [
            [
                one.migration.path.rpartition("/")[2],
                [[s.line, s.effect.text, describe_effect(s.effect)] for s in one.statements],
            ]
            for one in summary.measured
        ],
        "warnings": [
            [one.tenant, one.problem.message, render_hint(one.problem.hint, call)] for one in summary.warnings
        ],
    }


def _tone(tenant: TenantSummary) -> str:
    verdict = tenant.outcome.verdict
    if verdict is None or verdict.result in _BAD_RESULTS:
        return BAD
    if verdict.result not in GOOD or verdict.standing in _CARE_STANDINGS:
        return CARE
    return GOOD_TONE


def _list_sets(summary: RunSummary) -> dict[str, list[str]]:
    """Return the labels of the versions of each set that a tenant has, in order."""
    sets: dict[str, list[str]] = {name.value: [] for name in SetName}
    for file in sorted(summary.files, key=lambda file: file.version):
        if file.version >= 0:
            sets.setdefault(file.set_name, []).append(file.label)
    used = {tenant.facts.set_name for tenant in summary.tenants.values()}
    return {name: files for name, files in sets.items() if name in used and files}


def _place_pattern(patterns: _Shared, tenant: TenantSummary, state: int, sets: Mapping[str, list[str]]) -> int:
    """Return the place of all that a tenant shares with those that are equal to it."""
    files = {name: index for index, name in enumerate(sets.get(tenant.facts.set_name, ()))}
    still_open = [[files.get(name, name), state] for name, state in (tenant.open or {}).items()]
    pattern = {
        "state": state,
        "set": tenant.facts.set_name,
        "version": tenant.outcome.version,
        "behind": tenant.behind,
        "known": tenant.open is not None,
        "open": still_open,
        "applied": [files.get(name, name) for name in tenant.applied_ms],
    }
    return patterns.place(repr(pattern), pattern)


def _place_proof(proofs: _Shared, tenant: TenantSummary) -> Any:
    proof = tenant.proof
    if proof is None:
        return 0
    shared = (proof.version, proof.fingerprint, proof.expected)
    return [proofs.place(shared, list(shared)), proof.token, _write_time(proof.proven_at)]


def _list_causes(summary: RunSummary, call: Call) -> Iterator[dict[str, Any]]:
    places = {name: index for index, name in enumerate(summary.tenants)}
    for troubled in group_troubles(summary.outcome):
        yield _describe_trouble(troubled, places, call)
    for findings in group_findings(summary.list_findings(), summary.outcome):
        yield _describe_finding(findings, places, call)
    hazards = [found for found in summary.hazards if not found.hazard.allowed]
    for found, names in group_hazards(hazards, summary.outcome):
        yield _describe_hazard(found, [places[name] for name in names if name in places])


def _describe_trouble(tenants: list[TenantOutcome], places: Mapping[str, int], call: Call) -> dict[str, Any]:
    first, names = tenants[0], [tenant.tenant for tenant in tenants]
    verdict, failed = share_verdict(tenants), first.failed
    assert verdict is not None
    cause = {
        "tone": BAD if verdict.result in _BAD_RESULTS else CARE if verdict.result not in GOOD else GOOD_TONE,
        "word": verdict.result.value,
        "title": verdict.reason,
        "tenants": [places[name] for name in names],
        "hint": render_shared_hint(verdict.hint, names, call) if verdict.hint else "",
        "detail": verdict.trace,
    }
    if failed is None:
        return cause
    failure, path = failed.failure, failed.migration.path
    place = f"{path}:{failure.line}:{failure.column}" if failure.line else path
    state = f" (SQLSTATE {failure.sqlstate})" if failure.sqlstate else ""
    lines = [[word, text] for word, text in (("detail", failure.detail), ("context", failure.context)) if text]
    rest = f"{describe_rest(failed)}; {locate(tenants)}"
    title = f"{place}: {failure.message}{state}"
    return cause | {"title": title, "excerpt": failure.excerpt, "lines": lines, "rest": rest}


def _describe_finding(findings: list[FindingReported], places: Mapping[str, int], call: Call) -> dict[str, Any]:
    first, names = findings[0], [finding.tenant for finding in findings]
    problem = share_problem(findings)
    return {
        "tone": CARE,
        "word": Result.FINDING.value,
        "title": problem.message,
        "tenants": [places[name] for name in names if name in places],
        "detail": first.detail,
        "hint": render_shared_hint(problem.hint, names, call) if problem.hint else "",
    }


def _describe_hazard(found: HazardFound, tenants: list[int]) -> dict[str, Any]:
    hazard = found.hazard
    return {
        "tone": BAD if hazard.level is Level.DANGER else CARE,
        "word": hazard.level.value,
        "title": f"{hazard.path}:{hazard.line}:{hazard.column}: {hazard.rule}: {hazard.message}",
        "tenants": tenants,
        "excerpt": found.excerpt,
        "lines": [["safe form", ""]] if hazard.help else [],
        "detail": hazard.help,
    }


def _list_slowest(summary: RunSummary) -> list[list[Any]]:
    """Return the files that took longest: label, number of tenants, median and longest time, and in which tenant."""
    times: dict[str, list[tuple[int, int]]] = {}
    for index, tenant in enumerate(summary.tenants.values()):
        for name, elapsed_ms in tenant.applied_ms.items():
            times.setdefault(name, []).append((elapsed_ms, index))
    slowest = sorted(times.items(), key=lambda file: -max(file[1])[0])[:_SLOWEST]
    return [
        [name, len(found), median_low(elapsed_ms for elapsed_ms, _ in found), *max(found)] for name, found in slowest
    ]


def _list_stages(summary: RunSummary) -> Iterator[list[Any]]:
    """Yield the name of each stage that began, and when: with the first of its tenants."""
    for stage in summary.stages:
        if isinstance(stage, StagePlanned):
            ends = [summary.tenants[name] for name in stage.tenants if name in summary.tenants]
            starts = [one.at_ms - one.outcome.elapsed_ms for one in ends if one.at_ms and one.outcome.started]
            if starts:
                yield [stage.stage, max(0, min(starts))]


def _write_cell(cell: Cell) -> Any:
    return _write_time(cell) if isinstance(cell, datetime) else cell


def _write_time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
