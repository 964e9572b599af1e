"""`sql`: one script to review for each distinct plan or draft; comments add the facts that no statement shows."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from tenantry.model import NO_VERSION, Migration
from tenantry.model.events import DraftWritten, Event, MigrationMeasured, RunFinished
from tenantry.model.records import LEDGER_TABLE, REPEATABLE_TABLE
from tenantry.model.results import PLAIN
from tenantry.reports.escaping import escape_line, escape_source
from tenantry.reports.formats import Call, Sink
from tenantry.reports.hazards import describe_effect
from tenantry.reports.output import Output
from tenantry.reports.plan import Plans
from tenantry.reports.wording import name_tenants
from tenantry.sqltext.escaping import escape_sql


def make_sink(stream: Output, call: Call) -> Sink:
    """Return a sink that writes the scripts after all tenants have been read."""
    plans = Plans()
    drafts: dict[str, list[str]] = defaultdict(list)

    def write(event: Event) -> None:
        plans.add(event)
        if isinstance(event, DraftWritten):
            drafts[event.sql].append(event.tenant)
        if isinstance(event, RunFinished):
            stream.write_verbatim("".join(f"{line}\n" for line in (*_render(plans), *_render_drafts(drafts))))

    return write


def _render_drafts(drafts: Mapping[str, list[str]]) -> Iterator[str]:
    for text, tenants in drafts.items():
        yield _comment(f"a draft to review, for {name_tenants(tenants, most=len(tenants))}")
        yield ""
        yield _as_shown(text.rstrip())


def _render(plans: Plans) -> Iterator[str]:
    for outcome in plans.outcome.tenants.values():
        if outcome.verdict and outcome.verdict.result not in PLAIN:
            yield _comment(
                f"{name_tenants([outcome.tenant])}: {outcome.verdict.result.value}: {outcome.verdict.reason}"
            )
    for name, steps, tenants in plans.distinct():
        yield _comment(f"plan {name}, for {name_tenants(tenants, most=len(tenants))}")
        for step in steps:
            yield from _render_file(step, plans.measured.get(step.path))


def _render_file(step: Migration, measured: MigrationMeasured | None) -> Iterator[str]:
    yield ""
    yield _comment(f"{step.path}, {step.checksum}")
    if step.transactional:
        yield "BEGIN;"
    yield _as_shown(_terminated((_annotate(step.sql, measured) if measured else step.sql).rstrip()))
    if step.transactional:
        table = REPEATABLE_TABLE if step.version == NO_VERSION else LEDGER_TABLE
        yield f"-- tenantry writes its row to {table} here"
        yield "COMMIT;"


def _comment(text: str) -> str:
    """Return text as one line of comment, which it cannot leave."""
    return f"-- {escape_line(text)}"


def _as_shown(sql: str) -> str:
    """Return SQL without anything that steers a terminal, and that runs alike; where it cannot be, it says so."""
    escaped = escape_sql(sql)
    if escaped is not None:
        return escaped
    return f"-- Control characters in this text are shown as escapes: do not run it from here.\n{escape_source(sql)}"


def _annotate(sql: str, measured: MigrationMeasured) -> str:
    """Return the text with a comment before each statement that has effects; the rest is unchanged."""
    # From the end, so that the offsets of the statements before it stay right.
    for one in reversed(measured.statements):
        # A name may contain the end of a comment, and the rest of it would become SQL.
        words = escape_line(describe_effect(one.effect)).replace("*/", "* /").replace("/*", "/ *")
        start = one.effect.start
        line = sql.rfind("\n", 0, start) + 1
        if words and not sql[line:start].strip():
            sql = f"{sql[:line]}-- {words}\n{sql[line:]}"
        # Other SQL precedes it on its line: a comment to the end of the line would swallow the statement.
        elif words:
            sql = f"{sql[:start]}/* {words} */ {sql[start:]}"
    return sql


def _terminated(sql: str) -> str:
    """Return the text with its last statement ended, so that another can follow, also after a trailing comment."""
    # Only a guess whether "--" begins a comment: a superfluous semicolon does no harm, a missing one does.
    last = sql.rpartition("\n")[2]
    return sql if last.endswith(";") and "--" not in last else f"{sql}\n;"
