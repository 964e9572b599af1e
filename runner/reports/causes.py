"""Causes: tenants that share a trouble, a finding or a hazard are told together. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from tenantry.model.errors import Problem
from tenantry.model.events import FindingReported, HazardFound, Verdict
from tenantry.model.outcome import Outcome, TenantOutcome
from tenantry.model.results import PLAIN
from tenantry.reports.wording import without_tenant

# As the server, our own messages and our hints name a database; each tenant has its own.
_DATABASE = re.compile(r"""(?:the )?\bdatabase (?:"[^"]*"|'[^']*')""")
_CREATED = re.compile(r"(?<=CREATE DATABASE )\S+(?= OWNER )")


def group_troubles(outcome: Outcome) -> list[list[TenantOutcome]]:
    """Return the tenants that did not simply end well, by trouble, in the order of the run."""
    shared: dict[tuple[object, ...], list[TenantOutcome]] = defaultdict(list)
    for tenant in outcome.tenants.values():
        if tenant.verdict and tenant.verdict.result not in PLAIN and _is_unsaid(tenant):
            failure = tenant.failed.failure if tenant.failed else None
            # The hint names the tenant in its commands: without the name, it is the same for all of a group.
            hint = without_tenant(tenant.verdict.hint, tenant.tenant) if tenant.verdict.hint else ""
            reason, hint = _without_database(tenant.verdict.reason), _without_database(hint)
            shared[tenant.verdict.result, reason, hint, failure, tenant.version].append(tenant)
    return list(shared.values())


def share_verdict(tenants: Sequence[TenantOutcome]) -> Verdict | None:
    """Return the verdict of tenants that share their trouble, in words that are true of each."""
    first = tenants[0].verdict
    if first is None or len({tenant.verdict.reason for tenant in tenants if tenant.verdict}) == 1:
        return first
    return replace(first, reason=_without_database(first.reason), hint=_without_database(first.hint))


def group_findings(findings: Iterable[FindingReported], outcome: Outcome) -> list[list[FindingReported]]:
    """Return findings that say the same of several tenants together, in the order of the run."""
    shared: dict[tuple[str, ...], list[FindingReported]] = defaultdict(list)
    order = {name: index for index, name in enumerate(outcome.tenants)}
    for finding in sorted(findings, key=lambda finding: order.get(finding.tenant, -1)):
        problem = finding.problem
        # As for troubles: a hint that names more versions than another one is not the same.
        hint = without_tenant(problem.hint, finding.tenant) if problem.hint else ""
        shared[_without_database(problem.message), finding.detail, _without_database(hint)].append(finding)
    return list(shared.values())


def share_problem(findings: Sequence[FindingReported]) -> Problem:
    """Return the problem of tenants that share a finding, in words that are true of each."""
    first = findings[0].problem
    if len({finding.problem.message for finding in findings}) == 1:
        return first
    return replace(first, message=_without_database(first.message), hint=_without_database(first.hint))


def _without_database(text: str) -> str:
    return _CREATED.sub("...", _DATABASE.sub("its database", text))


def group_hazards(hazards: Iterable[HazardFound], outcome: Outcome) -> list[tuple[HazardFound, list[str]]]:
    """Return each hazard once, with the tenants that it refuses; a linted folder is already part of its path."""
    shared: dict[str, list[HazardFound]] = defaultdict(list)
    order = {name: index for index, name in enumerate(outcome.tenants)}
    for found in sorted(hazards, key=lambda found: order.get(found.tenant, -1)):
        shared[found.fingerprint].append(found)
    return [
        (alike[0], [one.tenant for one in alike if one.tenant and not _is_within(one)]) for alike in shared.values()
    ]


def _is_within(found: HazardFound) -> bool:
    """Return whether a hazard was reported for the folder that contains its file."""
    return found.hazard.path.startswith(f"{found.tenant.removesuffix('/')}/")


def _is_unsaid(tenant: TenantOutcome) -> bool:
    """Return whether a verdict needs lines of its own: no finding gives its reason, or it has a hint."""
    return not tenant.findings or bool(tenant.verdict and tenant.verdict.hint)
