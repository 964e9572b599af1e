"""`sarif`: one SARIF 2.1.0 log, for services that collect the findings of many tools."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tenantry.lint.rule import Rule
from tenantry.lint.ruleset import RULES
from tenantry.model.events import Event, HazardFound, RunFinished, TenantFinished, WarningRaised
from tenantry.model.hazards import Hazard, Level
from tenantry.model.outcome import Outcome
from tenantry.model.results import GOOD, Result
from tenantry.reports.escaping import escape, escape_json
from tenantry.reports.formats import Call, Sink
from tenantry.reports.output import Output
from tenantry.reports.wording import name_tenants
from tenantry.version import __version__

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Level.DANGER: "error", Level.CAUTION: "warning"}
# A finding is a result of its own in the log: only other bad verdicts need a notification.
_SAID = GOOD | {Result.FINDING}


def make_sink(stream: Output, call: Call) -> Sink:
    """Return a sink that writes the whole log after the run."""
    outcome = Outcome()
    found: list[HazardFound] = []
    notes: list[dict[str, Any]] = []

    def write(event: Event) -> None:
        outcome.add(event)
        match event:
            case HazardFound():
                found.append(event)
            case WarningRaised(problem=problem):
                notes.append(_note("warning", problem.message))
            case TenantFinished(tenant, verdict) if verdict.result not in _SAID:
                notes.append(_note("error", f"{name_tenants([tenant])}: {verdict.result.value}: {verdict.reason}"))
            case RunFinished():
                text = json.dumps(_make_log(found, notes, outcome), ensure_ascii=False, indent=2)
                stream.write_json(escape_json(text) + "\n")
            case _:
                return

    return write


def _make_log(found: Sequence[HazardFound], notes: Sequence[dict[str, Any]], outcome: Outcome) -> dict[str, Any]:
    # All rules, also those without a result: the log then names every check that was made.
    names = list(RULES)
    rules = [_make_rule(rule) for rule in RULES.values()]
    run = {
        "tool": {"driver": {"name": "tenantry", "version": __version__, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                # Findings are a success of the tool: the scan was complete.
                "executionSuccessful": outcome.exit_code in (0, 1),
                "exitCode": outcome.exit_code,
                "toolExecutionNotifications": list(notes),
            }
        ],
        "results": [_make_result(one, names.index(one.hazard.rule)) for one in found],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _make_rule(rule: Rule) -> dict[str, Any]:
    """Return the description of a rule."""
    return {
        "id": rule.name,
        "shortDescription": {"text": rule.title},
        "help": {"text": rule.help},
        "defaultConfiguration": {"level": _LEVELS[rule.level]},
    }


def _make_result(found: HazardFound, index: int) -> dict[str, Any]:
    hazard = found.hazard
    result = {
        "ruleId": hazard.rule,
        "ruleIndex": index,
        "level": _LEVELS[hazard.level],
        "message": {"text": escape("\n".join(filter(None, (hazard.message, hazard.help.rstrip()))))},
        "locations": [{"physicalLocation": _locate(hazard)}],
        # Of the statement, not of its place: a finding stays the same when lines are inserted above it.
        "partialFingerprints": {"statement/v1": found.fingerprint},
    }
    if hazard.allowed:
        result["suppressions"] = [{"kind": "inSource", "justification": escape(hazard.allowed)}]
    return result


def _locate(hazard: Hazard) -> dict[str, Any]:
    path = Path(hazard.path)
    # A relative path is a relative URI reference, which services resolve against the repository.
    uri = path.as_uri() if path.is_absolute() else quote(path.as_posix(), errors="surrogateescape")
    return {
        "artifactLocation": {"uri": uri},
        "region": {"startLine": hazard.line, "startColumn": hazard.column},
    }


def _note(level: str, text: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": escape(text)}}
