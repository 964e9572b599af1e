"""`table`: the result of each tenant, for people; below it every problem, and the command to type next."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from tenantry.model import Migration
from tenantry.model.events import (
    CommandsAdvised,
    Event,
    FindingReported,
    HazardFound,
    LinePrinted,
    MigrationMeasured,
    RepairProposed,
    RowReported,
    RunFinished,
)
from tenantry.model.outcome import Outcome, TenantOutcome
from tenantry.model.results import GOOD, Cell, Failure, Result
from tenantry.model.words import count
from tenantry.reports.advice import describe_rest, list_next_steps, locate, type_here
from tenantry.reports.causes import group_findings, group_hazards, group_troubles
from tenantry.reports.escaping import escape_source
from tenantry.reports.formats import Call, Sink
from tenantry.reports.grid import write_grid
from tenantry.reports.hazards import write_effects, write_hazard
from tenantry.reports.output import Output
from tenantry.reports.wording import count_tenants, indent, join, name_tenants, render_shared_hint, seconds
from tenantry.sqltext.escaping import escape_sql

# Arbitrary: as many rows as a person reads. Beyond them, tenants that ended well and alike share a row.
_MOST_ROWS = 40
# Of these, the tenants of one group have the same.
_GROUP_COLUMNS = ["group", "tenants"]
# Whoever reads many states reads those that differ; a program gets a row for each tenant.
_STATE = "state"
# Of these, hardly two tenants have the same.
_OWN = frozenset({"name", "last applied", "last failure", "by"})


def make_sink(stream: Output, call: Call) -> Sink:
    """Return a sink that writes a report after the run, and at once the lines that cannot wait until then."""
    report = _Report(stream, call)
    return report.take


class _Report:
    """The events of a run, collected until its report is written."""

    def __init__(self, stream: Output, call: Call) -> None:
        self._stream = stream
        self._call = call
        self._outcome = Outcome()
        self._printed = False
        self._rows: list[RowReported] = []
        self._findings: list[FindingReported] = []
        self._measured: list[MigrationMeasured] = []
        self._hazards: list[HazardFound] = []

    def take(self, event: Event) -> None:
        """Take in one event."""
        self._outcome.add(event)
        match event:
            case LinePrinted(text):
                self._printed = True
                # Source text, perhaps, to be kept as a file: its lines are not values.
                self._stream.write_verbatim(f"{escape_sql(text) or escape_source(text)}\n")
            case CommandsAdvised(commands):
                self._write("next:", *(f"  {type_here(command, self._call)}" for command in commands))
            case RepairProposed(tenant, changes):
                self._write(*(f"{name_tenants([tenant])}: {change}" for change in changes))
                # The repair is next: its changes must be on the screen before they are in the database.
                self._stream.flush()
            case RowReported():
                self._rows.append(event)
            case FindingReported():
                self._findings.append(event)
            case MigrationMeasured():
                self._measured.append(event)
            case HazardFound(hazard=hazard) if not hazard.allowed:
                self._hazards.append(event)
            case RunFinished():
                self._write_all()
            case _:
                return

    def _write(self, *lines: str) -> None:
        self._stream.write_lines(lines)

    def _write_all(self) -> None:
        if self._printed and self._outcome.exit_code == 0:
            # The lines are the output, to be kept as they are.
            return
        if self._rows:
            self._write_rows()
        elif any(tenant.started for tenant in self._outcome.tenants.values()):
            self._write_outcome()
        for measured in self._measured:
            self._write(*write_effects(measured))
        self._write(*self._hazards_text(), *self._findings_text(), *self._troubles_text())
        # A verb that lists something else than tenants has nothing to sum up.
        if self._outcome.tenants:
            reason = (f"reason: {self._outcome.reason}",) if self._outcome.reason else ()
            self._write(self._summary(), *reason, *self._next_steps())

    def _write_rows(self) -> None:
        columns = list(dict.fromkeys(column for row in self._rows for column in row.cells))
        # Tenants answer in any order; a row that belongs to no tenant of the run comes first.
        order = {name: index for index, name in enumerate(self._outcome.tenants)}
        rows = sorted(self._rows, key=lambda row: order.get(row.tenant, -1))
        cells = [[row.tenant, *(row.cells.get(column) for column in columns)] for row in rows]
        if len(cells) > _MOST_ROWS and (columns == _GROUP_COLUMNS or (self._stream.isatty() and _STATE in columns)):
            columns = [column for column in columns if column not in _OWN]
            cells = list(_combine([row.tenant, *(row.cells.get(column) for column in columns)] for row in rows))
        write_grid(self._stream, ["tenant", *columns], cells)

    def _write_outcome(self) -> None:
        columns = ["tenant", "result", "version", "applied", "time"]
        rows = [list(_cells(tenant)) for tenant in self._outcome.tenants.values()]
        if len(rows) > _MOST_ROWS:
            rows = list(_fold(rows))
        # A column of zeros says nothing: emptied, it is left out.
        if not any(row[3] for row in rows):
            rows = [[*row[:3], None, row[4]] for row in rows]
        write_grid(self._stream, columns, rows)

    def _findings_text(self) -> Iterator[str]:
        """Yield each finding once, with all tenants that share it."""
        for findings in group_findings(self._findings, self._outcome):
            first, names = findings[0], [finding.tenant for finding in findings]
            yield f"{name_tenants(names)}: {first.problem.message}"
            if first.detail:
                yield from indent(first.detail)
            if first.problem.hint:
                yield f"  hint: {render_shared_hint(first.problem.hint, names, self._call)}"

    def _hazards_text(self) -> Iterator[str]:
        """Yield each hazard once, with all tenants that it refuses."""
        for found, names in group_hazards(self._hazards, self._outcome):
            yield from write_hazard(found, names)

    def _troubles_text(self) -> Iterator[str]:
        """Yield each trouble once, with all tenants that share it."""
        for tenants in group_troubles(self._outcome):
            yield from self._trouble_text(tenants)

    def _trouble_text(self, tenants: list[TenantOutcome]) -> Iterator[str]:
        first, names = tenants[0], [tenant.tenant for tenant in tenants]
        verdict = first.verdict
        if verdict is None:
            return
        if first.failed:
            said = list(_failure_text(first.failed.migration, first.failed.failure))
            yield f"{name_tenants(names)}: {verdict.result.value}: {said[0]}"
            yield from said[1:]
        else:
            yield f"{name_tenants(names)}: {verdict.result.value}: {verdict.reason}"
        if verdict.hint:
            yield f"  hint: {render_shared_hint(verdict.hint, names, self._call)}"
        if first.failed:
            yield f"  {describe_rest(first.failed)}; {locate(tenants)}"
        elif first.applied and verdict.result not in GOOD:
            yield f"  {locate(tenants)}"
        if verdict.trace:
            yield from indent(f"please report this:\n{verdict.trace}")

    def _summary(self) -> str:
        totals = join(_count(word, number) for word, number in self._outcome.standings.items())
        ended = f", ended by {self._outcome.stopped_by}" if self._outcome.stopped_by else ""
        return f"{count_tenants(list(self._outcome.tenants))}: {totals} in {seconds(self._outcome.elapsed_ms)}{ended}"

    def _next_steps(self) -> Iterator[str]:
        yield from (f"{when}: {command}" for when, command in list_next_steps(self._outcome, self._call))


def _cells(tenant: TenantOutcome) -> Iterable[Cell]:
    verdict = tenant.verdict
    # Only where it could be read: otherwise the result says more.
    found = verdict.standing if verdict and verdict.result in GOOD else None
    result = str(found or verdict.result) if verdict else ""
    yield from (tenant.tenant, result, tenant.version, len(tenant.applied), seconds(tenant.elapsed_ms))


def _count(word: str, number: int) -> str:
    """Return `2 findings`, `2 failed`: of all results, only a finding is a noun."""
    return count(number, word) if word == Result.FINDING else f"{number} {word}"


def _fold(rows: Iterable[Sequence[Cell]]) -> Iterator[list[Cell]]:
    """Combine tenants that ended alike into one row, whatever their end: its reason is told below the table."""
    for row in _combine([*row[:4]] for row in rows):
        yield [*row, ""]


def _combine(rows: Iterable[Sequence[Cell]]) -> Iterator[list[Cell]]:
    """Yield the rows, those of several tenants with the same cells as one; the first cell of each is the tenant."""
    alike: dict[tuple[Cell, ...], list[Cell]] = defaultdict(list)
    for name, *cells in rows:
        alike[tuple(cells)].append(name)
    for rest, names in alike.items():
        yield [names[0] if len(names) == 1 else count(len(names), "tenant"), *rest]


def _failure_text(migration: Migration, failure: Failure) -> Iterator[str]:
    place = f"{migration.path}:{failure.line}:{failure.column}" if failure.line else migration.path
    yield f"{place}: {failure.message}" + (f" (SQLSTATE {failure.sqlstate})" if failure.sqlstate else "")
    if failure.excerpt:
        yield from indent(failure.excerpt)
    if failure.detail:
        yield f"  detail: {failure.detail}"
    if failure.context:
        yield f"  context: {failure.context}"
