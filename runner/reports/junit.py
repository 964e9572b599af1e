"""`junit`: test results for a CI: a suite for each tenant, and in it a case for each file that matters in this run."""

import re
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as ET

from tenantry.model.events import FindingReported, HazardFound
from tenantry.model.results import GOOD, Result
from tenantry.reports.escaping import escape
from tenantry.reports.formats import Call
from tenantry.reports.summary import FAILED, RunSummary, TenantSummary
from tenantry.reports.wording import indent, render_hint

# XML 1.0 has no way to write these; escape() names all others that it lacks.
_UNWRITABLE = re.compile("[\ufffe\uffff]")
_LEFT = frozenset({Result.STOPPED, Result.NOT_STARTED})
# The case that stands for the tenant itself, since a suite alone can neither pass nor fail.
_ITSELF = "tenant"


def compose(summary: RunSummary, call: Call, _before: str) -> str:
    """Return the test results of a run."""
    suites = [_make_suite(tenant, summary, call) for tenant in summary.list_sorted()]
    suites += _make_files_suite(summary)
    outcome = summary.outcome
    root = ET.Element("testsuites", {"name": _text(f"tenantry {outcome.verb}"), "time": _seconds(outcome.elapsed_ms)})
    for key in ("tests", "failures", "errors"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in suites)))
    root.extend(suites)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _make_suite(tenant: TenantSummary, summary: RunSummary, call: Call) -> ET.Element:
    suite = ET.Element("testsuite", {"name": _text(tenant.name), "time": _seconds(tenant.outcome.elapsed_ms)})
    if summary.started_at:
        suite.set("timestamp", summary.started_at.strftime("%Y-%m-%dT%H:%M:%S"))
    if properties := list(_list_properties(tenant, summary)):
        node = ET.SubElement(suite, "properties")
        for name, value in properties:
            ET.SubElement(node, "property", {"name": _text(name), "value": _text(value)})
    cases = [*_list_files(tenant), *_list_hazards(tenant, summary), _judge(tenant, call)]
    # Jenkins takes the parts before the last dot for packages.
    return _fill(suite, cases, f"tenantry.{summary.outcome.verb}.{tenant.name}")


def _make_files_suite(summary: RunSummary) -> list[ET.Element]:
    """Return a suite for the hazards that concern no tenant: those of a plan."""
    cases = [_describe_hazard(found) for found in summary.hazards if found.tenant not in summary.tenants]
    suite = ET.Element("testsuite", {"name": "files", "time": _seconds(0)})
    return [_fill(suite, cases, f"tenantry.{summary.outcome.verb}.files")] if cases else []


def _fill(suite: ET.Element, cases: Sequence[ET.Element], group: str) -> ET.Element:
    """Put cases into a suite, and count them; return the suite."""
    for case in cases:
        case.set("classname", _text(group))
        suite.append(case)
    suite.set("tests", str(len(cases)))
    for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, str(sum(case.find(tag) is not None for case in cases)))
    return suite


def _list_properties(tenant: TenantSummary, summary: RunSummary) -> Iterator[tuple[str, str]]:
    if summary.outcome.run_id:
        yield "run", summary.outcome.run_id
    for name, value in (("server", tenant.server), ("database", tenant.database), ("version", tenant.outcome.version)):
        if value:
            yield name, value
    for label, value in sorted(tenant.facts.labels.items()):
        yield f"label.{label}", value
    if tenant.proof:
        yield "proof", tenant.proof.fingerprint or tenant.proof.expected


def _list_files(tenant: TenantSummary) -> Iterator[ET.Element]:
    """Yield a case for each file that was applied, that failed, or that the tenant has yet to get."""
    for name, elapsed_ms in tenant.applied_ms.items():
        yield _make_case(name, elapsed_ms)
    for name, state in (tenant.open or {}).items():
        case = _make_case(name, 0)
        if state == FAILED:
            case.append(_describe_failure(tenant))
        else:
            # Whether that is a fault is said by the case of the tenant.
            ET.SubElement(case, "skipped", {"message": _text(state)})
        yield case


def _describe_failure(tenant: TenantSummary) -> ET.Element:
    failed = tenant.outcome.failed
    node = ET.Element("failure")
    if failed:
        failure, path = failed.failure, failed.migration.path
        place = f"{path}:{failure.line}:{failure.column}" if failure.line else path
        node.set("message", _text(failure.message))
        node.set("type", _text(failure.sqlstate or "failed"))
        said = [f"{place}: {failure.message}", *indent(failure.excerpt)]
        said += [f"{word}: {text}" for word, text in (("detail", failure.detail), ("context", failure.context)) if text]
        node.text = _text("\n".join(said))
    return node


def _list_hazards(tenant: TenantSummary, summary: RunSummary) -> Iterator[ET.Element]:
    """Yield a case for each hazard of the folder or tenant; of several in one file, each has its own."""
    for found in summary.hazards:
        if found.tenant == tenant.name:
            yield _describe_hazard(found)


def _describe_hazard(found: HazardFound) -> ET.Element:
    hazard = found.hazard
    case = _make_case(f"{hazard.path}:{hazard.line}:{hazard.column} {hazard.rule}", 0)
    if hazard.allowed:
        ET.SubElement(case, "skipped", {"message": _text(f"allowed: {hazard.allowed}")})
    else:
        message = _text(hazard.message)
        node = ET.SubElement(case, "failure", {"message": message, "type": hazard.level.value})
        node.text = _text(f"{found.excerpt}\n{hazard.help}")
    return case


def _judge(tenant: TenantSummary, call: Call) -> ET.Element:
    """Return the case of the tenant itself: how it ended, with its findings."""
    outcome, verdict = tenant.outcome, tenant.outcome.verdict
    case = _make_case(_ITSELF, outcome.elapsed_ms)
    if verdict is None:
        ET.SubElement(case, "error", {"message": "the run did not come to this tenant", "type": "no result"})
    elif verdict.result in GOOD:
        ET.SubElement(case, "system-out").text = _text(tenant.state)
    else:
        # Never skipped: a tenant that was not reached is not in the wanted state.
        tag = "error" if verdict.result in _LEFT or verdict.trace else "failure"
        message = f"{verdict.result.value}: {verdict.reason}" if verdict.reason else verdict.result.value
        node = ET.SubElement(case, tag, {"message": _text(message), "type": verdict.result.value})
        hint = [f"hint: {render_hint(verdict.hint, call)}"] if verdict.hint else []
        node.text = _text("\n".join([*_write_findings(tenant.findings, call), *hint, verdict.trace]).strip())
    return case


def _write_findings(findings: list[FindingReported], call: Call) -> Iterator[str]:
    for finding in findings:
        yield finding.problem.message
        if finding.detail:
            yield from indent(finding.detail)
        if finding.problem.hint:
            yield f"  hint: {render_hint(finding.problem.hint, call)}"


def _make_case(name: str, elapsed_ms: int) -> ET.Element:
    return ET.Element("testcase", {"name": _text(name), "time": _seconds(elapsed_ms)})


def _seconds(elapsed_ms: int) -> str:
    return f"{elapsed_ms / 1000:.3f}"


def _text(text: str) -> str:
    return _UNWRITABLE.sub("?", escape(text))
