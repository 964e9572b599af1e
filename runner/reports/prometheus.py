"""`prometheus`: metrics for the textfile collector of node_exporter, in the text format of Prometheus."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from tenantry.model.results import GOOD, Result
from tenantry.reports.escaping import escape
from tenantry.reports.formats import Call
from tenantry.reports.summary import RunSummary
from tenantry.version import __version__

_SUCCESS = "tenantry_last_success_timestamp_seconds"
_NUMBER = r"([0-9.e+]+)"
_Sample = tuple[dict[str, str], float]


def compose(summary: RunSummary, _call: Call, before: str) -> str:
    """Return the metrics of a run; the time of the last success is kept from `before` if this run had none."""
    verb, outcome = summary.outcome.verb, summary.outcome
    ended = _find_end(summary)
    success = ended if outcome.exit_code == 0 else _find_success(before, verb)
    about = {"run_id": outcome.run_id, "version": __version__}
    metrics: list[tuple[str, str, Iterable[_Sample]]] = [
        ("tenantry_run_info", "The last run of this verb.", [(about, 1)]),
        ("tenantry_run_timestamp_seconds", "When the last run ended.", [({}, ended)]),
        ("tenantry_run_duration_seconds", "How long the last run took.", [({}, outcome.elapsed_ms / 1000)]),
        ("tenantry_run_exit_code", "The exit code of the last run.", [({}, outcome.exit_code)]),
        (_SUCCESS, "When the last run with exit code 0 ended.", [({}, success)] if success else []),
        ("tenantry_tenants", "Tenants of the last run, by result.", _count_results(summary)),
        ("tenantry_tenant_ended_well", "Whether a tenant ended well.", _list_ends(summary)),
        ("tenantry_tenant_versions_behind", "Files that a tenant has yet to get.", _list_behind(summary)),
        ("tenantry_tenant_duration_seconds", "How long a tenant took.", _list_times(summary)),
    ]
    lines = (line for name, title, samples in metrics for line in _write_metric(name, title, verb, samples))
    return "".join(f"{line}\n" for line in lines)


def _find_end(summary: RunSummary) -> float:
    """Return when a run ended: an earlier one may be shown again."""
    if summary.started_at is None:
        return datetime.now(UTC).timestamp()
    return summary.started_at.timestamp() + summary.outcome.elapsed_ms / 1000


def _count_results(summary: RunSummary) -> Iterator[_Sample]:
    """Yield every result, also those with no tenant: a series that vanishes cannot be compared."""
    totals = summary.outcome.totals
    yield from (({"result": result.value}, totals.get(result, 0)) for result in Result)


def _list_ends(summary: RunSummary) -> Iterator[_Sample]:
    for tenant in summary.list_sorted():
        verdict = tenant.outcome.verdict
        yield {"tenant": tenant.name}, float(verdict is not None and verdict.result in GOOD)


def _list_behind(summary: RunSummary) -> Iterator[_Sample]:
    for tenant in summary.list_sorted():
        # Not known is not 0.
        if tenant.behind is not None:
            yield {"tenant": tenant.name}, tenant.behind


def _list_times(summary: RunSummary) -> Iterator[_Sample]:
    for tenant in summary.list_sorted():
        if tenant.outcome.started:
            yield {"tenant": tenant.name}, tenant.outcome.elapsed_ms / 1000


def _write_metric(name: str, title: str, verb: str, samples: Iterable[_Sample]) -> Iterator[str]:
    yield f"# HELP {name} {title}"
    yield f"# TYPE {name} gauge"
    for labels, value in samples:
        # The verb, so that the files of several verbs can be collected together.
        pairs = ",".join(f'{key}="{_escape(text)}"' for key, text in {"verb": verb, **labels}.items())
        yield f"{name}{{{pairs}}} {value:.3f}".removesuffix(".000")


def _find_success(before: str, verb: str) -> float:
    """Return the time of the last success of a verb in a file of metrics; 0 if it has none."""
    found = re.search(rf'^{_SUCCESS}\{{verb="{re.escape(_escape(verb))}"\}} {_NUMBER}$', before, re.MULTILINE)
    try:
        return float(found[1]) if found else 0
    except ValueError:
        return 0


def _escape(text: str) -> str:
    # The format knows these three escapes alone.
    return escape(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
