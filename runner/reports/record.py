"""`json`: one document of a run, for programs that read it once it is over; docs/report.schema.json describes it."""

import json
from collections.abc import Sequence
from typing import Any

from tenantry.model.codec import encode
from tenantry.model.events import FindingReported, SchemaProven, StagePlanned
from tenantry.reports.escaping import escape_json
from tenantry.reports.formats import Call
from tenantry.reports.summary import RunSummary, TenantSummary
from tenantry.reports.wording import render_hint
from tenantry.version import __version__

# Raised if a key changes its meaning or goes; keys may be added.
FORMAT = 1


def compose(summary: RunSummary, call: Call, _before: str) -> str:
    """Return the document of a run."""
    return escape_json(json.dumps(make_record(summary, call), ensure_ascii=False, indent=1)) + "\n"


def make_record(summary: RunSummary, call: Call) -> dict[str, Any]:
    """Return the document of a run as an object."""
    outcome = summary.outcome
    return {
        "format": FORMAT,
        "tool": {"name": "tenantry", "version": __version__},
        "run": {
            "id": outcome.run_id,
            "verb": outcome.verb,
            "reason": outcome.reason,
            "selection": call.selection,
            "started_at": encode(summary.started_at),
            "elapsed_ms": outcome.elapsed_ms,
            "stopped_by": outcome.stopped_by,
            "exit_code": outcome.exit_code,
        },
        "totals": {result.value: number for result, number in outcome.totals.items()},
        "standings": outcome.standings,
        "files": encode(summary.files),
        "stages": [_write_stage(stage.stage, stage.tenants) for stage in _list_planned(summary)],
        "tenants": [_write_tenant(tenant, call) for tenant in summary.list_sorted()],
        "findings": [_write_finding(finding, call) for finding in summary.findings],
        "hazards": encode(summary.hazards),
        "effects": encode(summary.measured),
        "warnings": [
            {"tenant": one.tenant, "message": one.problem.message, "hint": render_hint(one.problem.hint, call)}
            for one in summary.warnings
        ],
    }


def _write_tenant(tenant: TenantSummary, call: Call) -> dict[str, Any]:
    facts, outcome, verdict = tenant.facts, tenant.outcome, tenant.outcome.verdict
    return {
        "id": facts.name,
        "title": facts.title,
        "set": facts.set_name,
        "server": tenant.server,
        "database": tenant.database,
        "server_version": tenant.server_version or None,
        "labels": dict(sorted(facts.labels.items())),
        "result": verdict.result.value if verdict else None,
        "standing": encode(verdict.standing) if verdict else None,
        "reason": verdict.reason if verdict else "",
        "hint": render_hint(verdict.hint, call) if verdict else "",
        "version": outcome.version,
        "behind": tenant.behind,
        "open": [{"file": name, "state": state} for name, state in (tenant.open or {}).items()],
        "applied": [{"file": name, "elapsed_ms": elapsed_ms} for name, elapsed_ms in tenant.applied_ms.items()],
        "failure": _write_failure(tenant),
        "findings": [_write_finding(finding, call) for finding in tenant.findings],
        "row": encode(tenant.row) or None,
        "proof": _write_proof(tenant.proof) if tenant.proof else None,
        "elapsed_ms": outcome.elapsed_ms,
        "at_ms": tenant.at_ms,
    }


def _write_failure(tenant: TenantSummary) -> dict[str, Any] | None:
    failed = tenant.outcome.failed
    if failed is None:
        return None
    place = {"path": failed.migration.path, "checksum": failed.migration.checksum, "rolled_back": failed.rolled_back}
    return {**place, **encode(failed.failure)}


def _write_finding(finding: FindingReported, call: Call) -> dict[str, Any]:
    problem = finding.problem
    return {"message": problem.message, "hint": render_hint(problem.hint, call), "detail": finding.detail}


def _write_proof(proof: SchemaProven) -> dict[str, Any]:
    return {
        "version": proof.version,
        "expected": proof.expected,
        # An earlier proof holds, and the schema was not read again.
        "fingerprint": proof.fingerprint or None,
        "token": proof.token or None,
        "proven_at": proof.proven_at.isoformat(),
    }


def _write_stage(name: str, tenants: Sequence[str]) -> dict[str, Any]:
    return {"name": name, "tenants": list(tenants)}


def _list_planned(summary: RunSummary) -> list[StagePlanned]:
    return [stage for stage in summary.stages if isinstance(stage, StagePlanned)]
