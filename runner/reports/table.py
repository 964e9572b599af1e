"""`table`: the result of each tenant, for people; below it every problem, and the command to type next."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from tenantry.model import Migration, label
from tenantry.model.events import (
    Event,
    FindingReported,
    HazardFound,
    LinePrinted,
    MigrationFailed,
    MigrationMeasured,
    RepairProposed,
    RowReported,
    RunFinished,
)
from tenantry.model.outcome import Outcome, TenantOutcome
from tenantry.model.results import GOOD, PLAIN, Cell, Failure, Result, Standing
from tenantry.model.tenants import ALL, MASTER
from tenantry.model.words import count
from tenantry.reports.escaping import escape_source
from tenantry.reports.formats import Call, Sink
from tenantry.reports.grid import write_grid
from tenantry.reports.hazards import write_effects, write_hazard
from tenantry.reports.output import Output
from tenantry.reports.wording import (
    count_tenants,
    indent,
    join,
    name_tenants,
    render_shared_hint,
    seconds,
    without_tenant,
)
from tenantry.sqltext.escaping import escape_sql

# Arbitrary: as many rows as a person reads. Beyond them, tenants that ended well and alike share a row.
_MOST_ROWS = 40
# Arbitrary, too: the ids that a person still types or copies.
_MOST_TYPED = 20
# Of these, the tenants of one group have the same.
_GROUP_COLUMNS = ["group", "tenants"]
_AGAIN = frozenset({Result.BLOCKED, Result.UNREACHABLE, Result.STOPPED, Result.NOT_STARTED})


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
            self._write(self._summary(), *self._next_steps())

    def _write_rows(self) -> None:
        columns = list(dict.fromkeys(column for row in self._rows for column in row.cells))
        # Tenants answer in any order; a row that belongs to no tenant of the run comes first.
        order = {name: index for index, name in enumerate(self._outcome.tenants)}
        rows = sorted(self._rows, key=lambda row: order.get(row.tenant, -1))
        cells = [[row.tenant, *(row.cells.get(column) for column in columns)] for row in rows]
        if len(cells) > _MOST_ROWS and columns == _GROUP_COLUMNS:
            alike = Counter(tuple(row[1:]) for row in cells)
            cells = [[count(number, "tenant"), *rest] for rest, number in alike.items()]
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
        shared: dict[tuple[str, ...], list[FindingReported]] = defaultdict(list)
        order = {name: index for index, name in enumerate(self._outcome.tenants)}
        for finding in sorted(self._findings, key=lambda finding: order.get(finding.tenant, -1)):
            problem = finding.problem
            # As for troubles: a hint that names more versions than another one is not the same.
            hint = without_tenant(problem.hint, finding.tenant) if problem.hint else ""
            shared[problem.message, finding.detail, hint].append(finding)
        for (message, detail, _), findings in shared.items():
            names = [finding.tenant for finding in findings]
            yield f"{name_tenants(names)}: {message}"
            if detail:
                yield from indent(detail)
            if findings[0].problem.hint:
                yield f"  hint: {render_shared_hint(findings[0].problem.hint, names, self._call)}"

    def _hazards_text(self) -> Iterator[str]:
        """Yield each hazard once, with all tenants that it refuses; a linted folder is already part of its path."""
        shared: dict[str, list[HazardFound]] = defaultdict(list)
        order = {name: index for index, name in enumerate(self._outcome.tenants)}
        for found in sorted(self._hazards, key=lambda found: order.get(found.tenant, -1)):
            shared[found.fingerprint].append(found)
        for alike in shared.values():
            names = [found.tenant for found in alike if found.tenant and not _is_within(found)]
            yield from write_hazard(alike[0], names)

    def _troubles_text(self) -> Iterator[str]:
        """Yield each trouble once, with all tenants that share it."""
        shared: dict[tuple[object, ...], list[TenantOutcome]] = defaultdict(list)
        for tenant in self._outcome.tenants.values():
            if tenant.verdict and tenant.verdict.result not in PLAIN and _is_unsaid(tenant):
                failure = tenant.failed.failure if tenant.failed else None
                # The hint names the tenant in its commands: without the name, it is the same for all of a group.
                hint = without_tenant(tenant.verdict.hint, tenant.tenant)
                shared[tenant.verdict.result, tenant.verdict.reason, hint, failure, tenant.version].append(tenant)
        for tenants in shared.values():
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
            yield f"  {_left(first.failed)}; {_locate(tenants)}"
        elif first.applied and verdict.result not in GOOD:
            yield f"  {_locate(tenants)}"
        if verdict.trace:
            yield from indent(f"please report this:\n{verdict.trace}")

    def _summary(self) -> str:
        totals = join(_count(word, number) for word, number in self._outcome.standings.items())
        ended = f", ended by {self._outcome.stopped_by}" if self._outcome.stopped_by else ""
        return f"{count_tenants(list(self._outcome.tenants))}: {totals} in {seconds(self._outcome.elapsed_ms)}{ended}"

    def _next_steps(self) -> Iterator[str]:
        tenants = list(self._outcome.tenants.values())
        if self._outcome.verb != "migrate":
            return
        behind = [tenant for tenant in tenants if tenant.verdict and tenant.verdict.result not in GOOD]
        if behind and all(_is_unproven(tenant) for tenant in behind):
            # Nothing is pending there: the same command again would not verify anything.
            yield f"after fixing that: {self._call.program} verify{self._call.servers} --tenants {self._choose(behind)}"
        elif behind:
            only_again = all(tenant.verdict and tenant.verdict.result in _AGAIN for tenant in behind)
            when = "next" if only_again else "after fixing that"
            yield f"{when}: {self._again(behind)} --tenants {self._choose(behind)}"
        elif tenants and tenants[0].look:
            noun = "the master" if list(self._outcome.tenants) == [MASTER] else "a tenant"
            yield f"inspect {noun}: {self._look(tenants)}"

    def _again(self, behind: list[TenantOutcome]) -> str:
        """Return the command of this run for those that are left, without its tenants."""
        again = self._call.again
        if any(tenant.begun for tenant in behind):
            # The statement to resume at is written down once the file runs on, and may be another one by now.
            again = re.sub(r" --resume-at \d+", "", again)
        # What is missing has to be created first, and it is this command that does it.
        absent = any(tenant.verdict and tenant.verdict.standing is Standing.NO_DATABASE for tenant in behind)
        return f"{again} --create" if absent and " --create" not in again else again

    def _choose(self, behind: list[TenantOutcome]) -> str:
        """Return the tenants of the next command: those that are left, or all that were chosen if these are many."""
        # Those that are up to date are looked at again, which is cheap and easier to type. Never more: whoever chose a
        # part of the fleet must not be led to work on the rest of it.
        if len(behind) <= _MOST_TYPED:
            return ",".join(tenant.tenant for tenant in behind)
        # By the journal of this run, which has everybody. A dry run has none.
        if self._call.selection != ALL or " --dry-run" in self._call.again:
            return self._call.selection
        if all(_is_unproven(tenant) for tenant in behind):
            return "unproven"
        failed = all(tenant.verdict and tenant.verdict.result is Result.FAILED for tenant in behind)
        return "failed" if failed else "behind"

    def _look(self, tenants: list[TenantOutcome]) -> str:
        """Return the command that opens a tenant; the master only if no tenant was selected."""
        look = next((tenant.look for tenant in tenants if tenant.tenant != MASTER), tenants[0].look)
        return look.replace("tenantry", self._call.program, 1) if look.startswith("tenantry ") else look


def _is_unproven(tenant: TenantOutcome) -> bool:
    """Return whether all files of a tenant are applied, and its schema is not the one that they describe."""
    return bool(tenant.verdict and tenant.verdict.result is Result.FINDING) and not tenant.pending


def _is_within(found: HazardFound) -> bool:
    """Return whether a hazard was reported for the folder that contains its file."""
    return found.hazard.path.startswith(f"{found.tenant}/")


def _is_unsaid(tenant: TenantOutcome) -> bool:
    """Return whether a verdict needs lines of its own: no finding gives its reason, or it has a hint."""
    return not tenant.findings or bool(tenant.verdict and tenant.verdict.hint)


def _cells(tenant: TenantOutcome) -> Iterable[Cell]:
    verdict = tenant.verdict
    # Only where it could be read: otherwise the result says more.
    found = verdict.standing if verdict and verdict.result in GOOD else None
    result = str(found or verdict.result) if verdict else ""
    yield from (tenant.tenant, result, tenant.version, len(tenant.applied), seconds(tenant.elapsed_ms))


def _count(word: str, number: int) -> str:
    """Return `2 findings`, `2 failed`: of all results, only a finding is a noun."""
    return count(number, word) if word == Result.FINDING else f"{number} {word}"


def _fold(rows: list[list[Cell]]) -> Iterator[list[Cell]]:
    """Combine tenants that ended well and alike into one row; the others keep their own."""
    alike: dict[tuple[Cell, ...], int] = defaultdict(int)
    for row in rows:
        if row[1] in GOOD:
            alike[tuple(row[1:4])] += 1
        else:
            yield row
    for (result, version, applied), number in alike.items():
        yield [count(number, "tenant"), result, version, applied, ""]


def _locate(tenants: list[TenantOutcome]) -> str:
    """Return the version of tenants that share one, in words."""
    version, one = tenants[0].version, len(tenants) == 1
    if version:
        return f"the database is now at {version}" if one else f"the databases are now at {version}"
    return "the database has no migrations" if one else "the databases have no migrations"


def _left(failed: MigrationFailed) -> str:
    name = label(failed.migration.version, failed.migration.name)
    if failed.rolled_back:
        return f"{name} was rolled back"
    return f"{name} was left unfinished" if not failed.migration.transactional else f"parts of {name} may remain"


def _failure_text(migration: Migration, failure: Failure) -> Iterator[str]:
    place = f"{migration.path}:{failure.line}:{failure.column}" if failure.line else migration.path
    yield f"{place}: {failure.message}" + (f" (SQLSTATE {failure.sqlstate})" if failure.sqlstate else "")
    if failure.excerpt:
        yield from indent(failure.excerpt)
    if failure.detail:
        yield f"  detail: {failure.detail}"
    if failure.context:
        yield f"  context: {failure.context}"
