"""`markdown`: a summary for the page of a CI run, and for a comment on a pull request that is edited in place."""

import re
from collections.abc import Iterable, Iterator, Sequence

from tenantry.model.events import FindingReported
from tenantry.model.hazards import Level
from tenantry.model.migrations import label
from tenantry.model.outcome import TenantOutcome
from tenantry.model.results import GOOD
from tenantry.reports.advice import describe_rest, list_next_steps, locate
from tenantry.reports.causes import group_findings, group_hazards, group_troubles
from tenantry.reports.escaping import escape, escape_line
from tenantry.reports.formats import Call
from tenantry.reports.hazards import describe_effect
from tenantry.reports.summary import RunSummary
from tenantry.reports.wording import count_tenants, name_tenants, render_hint, render_shared_hint, seconds

# Whoever posts the text finds the comment again by its first line: docs/how-to/reports.md has the script.
MARKER = "<!-- tenantry {verb} -->"
# GitHub takes 65,536 characters for a comment, and 1 MiB for a summary.
_MOST = 60_000
# Arbitrary: as many rows as a person reads.
_MOST_ROWS = 50
# What Markdown, or the HTML within it, would take for its own. @ would call people, #7 would link to an issue, and an
# address would be a link.
_SPECIAL = re.compile(r"([\\`*\[\]<>|~@&$]|#(?=\d)|:(?=//)|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|(?<=www)\.)")
_FENCE = re.compile(r"`{3,}")


def compose(summary: RunSummary, call: Call, _before: str) -> str:
    """Return the text; what is too much for a comment is cut at a line, and that is said."""
    lines, size = [], 0
    for line in _write_all(summary, call):
        size += len(line) + 1
        if size > _MOST:
            lines.append("\nThe rest is too long for a comment: see the log of the job.")
            break
        lines.append(line)
    return _close(lines)


def _write_all(summary: RunSummary, call: Call) -> Iterator[str]:
    outcome = summary.outcome
    verb = _plain(outcome.verb)
    yield MARKER.format(verb=verb)
    good = outcome.exit_code == 0
    yield f"### {'✅' if good else '❌'} tenantry {verb}: {_plain(_headline(summary))}"
    yield ""
    if outcome.reason:
        yield f"Reason: {_plain(outcome.reason)}"
        yield ""
    yield from _write_states(summary)
    yield from _write_plans(summary)
    for troubled in group_troubles(outcome):
        yield from _write_trouble(troubled, call)
    for findings in group_findings(summary.list_findings(), outcome):
        yield from _write_finding(findings, call)
    yield from _write_hazards(summary)
    for warning in summary.warnings[:_MOST_ROWS]:
        yield f"- ⚠️ {_plain(warning.problem.message)}"
    for when, command in list_next_steps(outcome, call):
        if outcome.exit_code:
            yield from ("", f"{when[0].upper()}{when[1:]}:", *_fence(command, "console", prefix="$ "))
    yield ""
    run = f", run {_code(outcome.run_id[:8])}" if outcome.run_id else ""
    yield f"<sub>{seconds(outcome.elapsed_ms)}, exit code {outcome.exit_code}{run}</sub>"


def _headline(summary: RunSummary) -> str:
    outcome = summary.outcome
    totals = ", ".join(f"{number} {word}" for word, number in outcome.standings.items())
    ended = f", ended by {outcome.stopped_by}" if outcome.stopped_by else ""
    return f"{count_tenants(list(outcome.tenants))}: {totals}{ended}" if outcome.tenants else "no tenant"


def _write_states(summary: RunSummary) -> Iterator[str]:
    """Yield a table of the tenants that did not end well, each with its version; the others are in the headline."""
    bad = [one for one in summary.list_sorted() if not one.outcome.verdict or one.outcome.verdict.result not in GOOD]
    if not bad:
        return
    yield "| tenant | result | version | behind |"
    yield "|---|---|---|---:|"
    for tenant in bad[:_MOST_ROWS]:
        behind = "" if tenant.behind is None else str(tenant.behind)
        yield f"| {_plain(tenant.name)} | {_plain(tenant.state)} | {_plain(tenant.outcome.version)} | {behind} |"
    if len(bad) > _MOST_ROWS:
        yield f"| and {len(bad) - _MOST_ROWS} more | | | |"
    yield ""


def _write_plans(summary: RunSummary) -> Iterator[str]:
    """Yield the files that tenants would get, with their effects; only a plan has any."""
    if summary.outcome.verb != "plan":
        return
    plans: dict[tuple[str, ...], list[str]] = {}
    for tenant in summary.tenants.values():
        if tenant.open:
            plans.setdefault(tuple(tenant.open), []).append(tenant.name)
    for files, names in sorted(plans.items(), key=lambda plan: -len(plan[1])):
        yield f"**{_plain(count_tenants(names))}** would get {', '.join(_code(file) for file in files[:_MOST_ROWS])}"
        yield ""
    if summary.measured:
        yield "| statement | effect on a live database |"
        yield "|---|---|"
        for one in summary.measured:
            name = label(one.migration.version, one.migration.name)
            for part in one.statements:
                words = describe_effect(part.effect) or "no lock that others wait for"
                yield f"| {_code(name)}:{part.line} | {_plain(words)} |"
        yield ""


def _write_trouble(tenants: Sequence[TenantOutcome], call: Call) -> Iterator[str]:
    first, names = tenants[0], [tenant.tenant for tenant in tenants]
    verdict, failed = first.verdict, first.failed
    if verdict is None:
        return
    said = verdict.reason
    if failed:
        place = f"{failed.migration.path}:{failed.failure.line}" if failed.failure.line else failed.migration.path
        said = f"{place}: {failed.failure.message}"
    yield f"**{_plain(name_tenants(names))}: {_plain(verdict.result.value)}**: {_plain(said)}"
    if failed:
        yield from _fence(failed.failure.excerpt)
        if failed.failure.detail:
            yield f"Detail: {_plain(failed.failure.detail)}"
            yield ""
        yield f"{_plain(describe_rest(failed))}; {_plain(locate(tenants))}."
    if verdict.hint:
        yield f"Hint: {_plain(render_shared_hint(verdict.hint, names, call))}"
    yield ""


def _write_finding(findings: Sequence[FindingReported], call: Call) -> Iterator[str]:
    first, names = findings[0], [finding.tenant for finding in findings if finding.tenant]
    subject = f"**{_plain(name_tenants(names))}**: " if names else ""
    yield f"{subject}{_plain(first.problem.message)}"
    yield from _fence(first.detail, "diff" if first.detail.startswith("---") else "")
    if hint := first.problem.hint:
        yield f"Hint: {_plain(render_shared_hint(hint, names, call) if names else render_hint(hint, call))}"
    yield ""


def _write_hazards(summary: RunSummary) -> Iterator[str]:
    hazards = [found for found in summary.hazards if not found.hazard.allowed]
    for found, names in group_hazards(hazards, summary.outcome):
        hazard = found.hazard
        sign = "🛑" if hazard.level is Level.DANGER else "⚠️"
        subject = f" ({_plain(name_tenants(names))})" if names else ""
        place = _code(f"{hazard.path}:{hazard.line}")
        yield f"{sign} **{hazard.level.value}** {place} {_plain(hazard.rule)}: {_plain(hazard.message)}{subject}"
        yield from _fence(found.excerpt)
        if hazard.help:
            yield "<details><summary>The safe form</summary>"
            yield from ("", *_fence(hazard.help), "</details>", "")


def _fence(text: str, language: str = "", prefix: str = "") -> Iterator[str]:
    """Yield source text in a fence that is longer than any within it."""
    if not text:
        return
    longest = max((len(found) for found in _FENCE.findall(text)), default=2)
    fence = "`" * (longest + 1)
    yield from ("", f"{fence}{language}")
    yield from (f"{prefix}{line}" for line in escape(text).removesuffix("\n").split("\n"))
    yield from (fence, "")


def _plain(text: str) -> str:
    """Return text on one line that means nothing to Markdown."""
    return _SPECIAL.sub(lambda found: f"&#{ord(found[1])};", escape_line(text))


def _code(text: str) -> str:
    """Return text as code: within a line, backticks cannot be escaped."""
    return f"<code>{_plain(text)}</code>"


def _close(lines: Iterable[str]) -> str:
    """Return lines as text, without two empty ones in a row; a fence that was cut is closed."""
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"
    opened = ""
    for line in text.split("\n"):
        # Within a fence, a shorter one is part of the source text.
        if opened:
            opened = "" if line == opened else opened
        elif found := _FENCE.match(line):
            opened = found[0]
    return f"{text}{opened}\n" if opened else text
