"""What was measured, for people as tables and for programs as JSON, and which goals it meets."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import median
from typing import Any, TextIO

from bench.cases import ALL, FLOOR, NOTHING, ONE, PROVEN, ROLES, TENANTRY, VERIFY, VERIFY_FULL, WIDE, XARGS, Case, Row
from bench.clone import CLONE, NEW_FILE
from bench.fleet import AROUND, FLEET, SHOW, SOURCES
from bench.guard import GUARD, GUARDED, PLAIN
from bench.history import FIRST, HISTORY, LINT_FIRST, LINT_MORE, MORE, PSQL
from bench.peers import DRIZZLE, SQLX
from bench.sample import Sample
from tenantry.model.results import Cell
from tenantry.reports.grid import write_grid
from tenantry.reports.output import Output

# What a person waits for without noticing, and without minding.
_HELP_MS, _MIGRATE_MS = 150, 600
_PEAK_MB = 150
# Of what a tenant with nothing pending costs.
_GUARD_PERCENT = 3.0
# As many times as long as without one.
_PASSWORD = 1.2
_WIDE_MS = 500
# In a case, how many times as long as another command one may take, on all databases. First what a proof may take
# beside the same run without it: of what has not changed, of what has, and after one file; then the peers, if asked.
_RATIOS = (
    (NOTHING, PROVEN, TENANTRY, 2.0),
    (NOTHING, VERIFY, TENANTRY, 2.0),
    (NOTHING, VERIFY_FULL, TENANTRY, 4.0),
    (ONE, PROVEN, FLOOR, 2.5),
    (NOTHING, TENANTRY, DRIZZLE, 1.0),
    (NOTHING, PROVEN, SQLX, 1.0),
    (ONE, TENANTRY, SQLX, 1.0),
    (ALL, TENANTRY, SQLX, 1.0),
)
# Of a long history: at most so many seconds, times the time of psql, and MB; 0 where that is no goal.
_LONG = ((FIRST, 0, 2.5, 150), (MORE, 3.0, 0, 120), (LINT_FIRST, 0, 4.0, 0), (LINT_MORE, 3.0, 0, 0))
# A hundred thousand tenants that are only read; the memory and the report of a large fleet; what is around its tenants.
_LISTED_S, _FLEET_MB, _REPORT_S, _AROUND_PERCENT = 2.0, 250, 2.0, 2.0
# A new file for one tenant, where nothing is kept.
_CLONE_S = 2.5
# Twice as many tenants may cost a little more each, as far as noise goes.
_LINEAR = 1.2


Cost = Callable[[Sample], float | None]


def wall_s(sample: Sample) -> float:
    """Return how long a command took, in seconds."""
    return sample.wall_s


def cpu_s(sample: Sample) -> float | None:
    """Return the processor time of command and server, in seconds: steadier than time on a machine that is shared."""
    return None if sample.server_cpu_s is None else sample.client_cpu_s + sample.server_cpu_s


@dataclass(frozen=True, slots=True)
class Goal:
    """What was to be reached; `kept` where `measured` is at most `wanted`. `unit` follows both numbers."""

    name: str
    wanted: float
    measured: float
    unit: str

    @property
    def kept(self) -> bool:
        """Return whether the goal is met."""
        return self.measured <= self.wanted


@dataclass(frozen=True, slots=True)
class Growth:
    """What each further tenant costs, between two numbers of databases; the start is not in it."""

    case: str
    command: str
    smaller: int
    larger: int
    ms_per_database: float


@dataclass(frozen=True, slots=True)
class Report:
    """One benchmark. `about` says what ran where, `cases` are those that were measured."""

    about: dict[str, Any]
    cases: tuple[Case, ...]
    rows: tuple[Row, ...]

    def row(self, case: str, command: str, databases: int) -> Row | None:
        """Return what was measured of a command, whose name may go on after a blank; None where it was not."""
        found = [row for row in self.rows if (row.case, row.databases) == (case, databases)]
        named = (row for row in found if row.command == command)
        return next(named, next((row for row in found if row.command.startswith(f"{command} ")), None))

    def ratio(self, row: Row, other: str, cost: Cost = wall_s) -> float | None:
        """Return how many times as much a command cost as another one: the median of what each round says."""
        against = self.row(row.case, other, row.databases)
        if against is None or row.databases == 0:
            return None
        costs = [(cost(ours), cost(theirs)) for ours, theirs in zip(row.samples, against.samples, strict=True)]
        ratios = [ours / theirs for ours, theirs in costs if ours and theirs]
        return median(ratios) if ratios else None

    def growth(self) -> Iterator[Growth]:
        """Yield what each further tenant costs, for every command that was measured on several numbers of them."""
        for case in self.cases:
            for smaller, larger in pairwise(case.sizes):
                for few in self.rows:
                    many = self.row(case.name, few.command, larger)
                    if (few.case, few.databases) == (case.name, smaller) and many:
                        more = [b.wall_s - a.wall_s for a, b in zip(few.samples, many.samples, strict=True)]
                        each_ms = 1000 * median(more) / (larger - smaller)
                        yield Growth(case.name, few.command, smaller, larger, each_ms)

    def goals(self) -> Iterator[Goal]:
        """Yield the goals that what was measured can tell of."""
        for case in self.cases:
            row = self.row(case.name, TENANTRY, case.sizes[-1])
            for other, wanted in ((FLOOR, case.goal), (XARGS, 1.0)):
                if row and (ratio := self.ratio(row, other)):
                    yield Goal(f"{case.name}: time against {other}", wanted, ratio, "x")
            trusted, guarded = (self.row(case.name, name, case.sizes[-1]) for name in ROLES)
            if trusted and guarded and (ratio := self.ratio(guarded, trusted.command)):
                yield Goal(f"{guarded.command}: time against {trusted.command}", _PASSWORD, ratio, "x")
            for name, command, other, wanted in _RATIOS:
                ours = self.row(name, command, case.sizes[-1]) if name == case.name else None
                if ours and (ratio := self.ratio(ours, other)):
                    yield Goal(f"{name}: {_say(command)} against {_say(other)}", wanted, ratio, "x")
        yield from self._history()
        yield from self._fleet()
        yield from self._linear()
        yield from self._guard()
        if clone := self.row(CLONE, NEW_FILE, 1):
            yield Goal(f"{CLONE}: {NEW_FILE}", _CLONE_S, median(_walls(clone)), "s")
        if wide := self.row(WIDE, "fingerprint", 1):
            yield Goal(f"{wide.command}: median", _WIDE_MS, 1000 * median(_walls(wide)), "ms")
        runs = [row for row in self.rows if row.command == TENANTRY and row.case != FLEET]
        peaks = [sample.peak_mb for row in runs for sample in row.samples]
        if peaks:
            databases = max(row.databases for row in runs)
            yield Goal(f"peak memory, {databases} tenants of 1000", _PEAK_MB, max(peaks), "MB")
        for command, databases, wanted in (("tenantry --help", 0, _HELP_MS), ("tenantry migrate", 2, _MIGRATE_MS)):
            if row := self.row("start", command, databases):
                yield Goal(f"{command}: median", wanted, 1000 * median(_walls(row)), "ms")

    def _guard(self) -> Iterator[Goal]:
        plain, guarded = self.row(GUARD, PLAIN, 1), self.row(GUARD, GUARDED, 1)
        case = next((case for case in self.cases if not case.files), None)
        run = self.row(case.name, TENANTRY, case.sizes[-1]) if case else None
        if plain and guarded and run:
            more = _cost(guarded) - _cost(plain)
            percent = 100 * more * run.databases / _cost(run)
            yield Goal("guard of the ledger, of a run with nothing pending", _GUARD_PERCENT, percent, "%")

    def _history(self) -> Iterator[Goal]:
        """Yield the goals of a long history: seconds and memory, or times as long as psql takes for one database."""
        rows = {row.command: row.samples[0] for row in self.rows if row.case == HISTORY}
        for command, wanted_s, wanted_x, wanted_mb in _LONG:
            if command in rows and wanted_s:
                yield Goal(f"{HISTORY}: {command}", wanted_s, rows[command].wall_s, "s")
            if command in rows and wanted_x:
                yield Goal(
                    f"{HISTORY}: {command} against psql", wanted_x, rows[command].wall_s / rows[PSQL].wall_s, "x"
                )
            if command in rows and wanted_mb:
                yield Goal(f"{HISTORY}: {command}, peak memory", wanted_mb, rows[command].peak_mb, "MB")

    def _fleet(self) -> Iterator[Goal]:
        """Yield the goals of a large fleet, and those of a long list of tenants."""
        for row in (row for row in self.rows if row.case == SOURCES):
            yield Goal(f"{row.command}: processor time", _LISTED_S, _cost(row), "s")
            yield Goal(f"{row.command}: peak memory", _PEAK_MB, max(sample.peak_mb for sample in row.samples), "MB")
        runs = [row for row in self.rows if (row.case, row.command) == (FLEET, TENANTRY)]
        for few, some, many in zip(runs, runs[1:], runs[2:], strict=False):
            before = (_cost(some) - _cost(few)) / (some.databases - few.databases)
            after = (_cost(many) - _cost(some)) / (many.databases - some.databases)
            name = f"{FLEET}: each tenant beyond {some.databases}, against those before, processor time"
            yield Goal(name, _LINEAR, after / before, "x")
            peak = max(sample.peak_mb for sample in many.samples)
            yield Goal(f"{FLEET}: peak memory, {many.databases} tenants", _FLEET_MB, peak, "MB")
        for row in (row for row in self.rows if (row.case, row.command) == (FLEET, SHOW)):
            name = f"{FLEET}: report of {row.databases} tenants, processor time"
            yield Goal(name, _REPORT_S, _cost(row), "s")
        around = next((row for row in self.rows if (row.case, row.command) == (FLEET, AROUND)), None)
        run = self.row(FLEET, TENANTRY, around.databases) if around else None
        if around and run:
            yield Goal(f"{FLEET}: {AROUND}, of a run", _AROUND_PERCENT, 100 * _cost(around) / _cost(run), "%")

    def _linear(self) -> Iterator[Goal]:
        for case in self.cases:
            steps = [step for step in self.growth() if (step.case, step.command) == (case.name, TENANTRY)]
            for before, after in pairwise(steps):
                if before.ms_per_database > 0:
                    name = f"{case.name}: each tenant beyond {after.smaller}, against those before"
                    yield Goal(name, _LINEAR, after.ms_per_database / before.ms_per_database, "x")


def to_json(report: Report) -> str:
    """Return everything as JSON, with each single sample."""
    rows = [{**asdict(row), **_summary(report, row)} for row in report.rows]
    goals = [{**asdict(goal), "kept": goal.kept} for goal in report.goals()]
    growth = [asdict(step) for step in report.growth()]
    return json.dumps({**report.about, "rows": rows, "growth": growth, "goals": goals}, indent=2) + "\n"


def write_tables(report: Report, stream: TextIO) -> None:
    """Write what a person reads: each command's times, what each further tenant costs, the goals."""
    columns = (
        "case",
        "databases",
        "command",
        "median ms",
        "best ms",
        "client cpu",
        "server cpu",
        "x floor",
        "cpu x floor",
    )
    write_grid(Output(stream), columns, [_cells(report, row) for row in report.rows])
    stream.write("(client cpu, server cpu: ms of processor time for each database)\n\n")
    steps = list(report.growth())
    if steps:
        _write_growth(stream, steps)
    goals = [
        (goal.name, f"{goal.wanted:g} {goal.unit}", f"{goal.measured:.2f} {goal.unit}", "yes" if goal.kept else "NO")
        for goal in report.goals()
    ]
    write_grid(Output(stream), ("goal", "at most", "measured", "kept"), goals)


def _write_growth(stream: TextIO, steps: Sequence[Growth]) -> None:
    rows = [(s.case, f"{s.smaller} to {s.larger}", s.command, f"{s.ms_per_database:.2f}") for s in steps]
    write_grid(Output(stream), ("case", "databases", "command", "ms for each more"), rows)
    stream.write("\n")


def _cells(report: Report, row: Row) -> list[Cell]:
    summary = _summary(report, row)
    return [
        row.case,
        row.databases or None,
        row.command,
        round(1000 * summary["median_s"]),
        round(1000 * summary["best_s"]),
        _short(summary["client_cpu_ms_per_database"]),
        _short(summary["server_cpu_ms_per_database"]),
        _short(summary["ratio_to_floor"], 2),
        _short(summary["cpu_ratio_to_floor"], 2),
    ]


def _say(command: str) -> str:
    return "the unproven run" if command == TENANTRY else command


def _short(number: float | None, digits: int = 1) -> str:
    return "" if number is None else f"{number:.{digits}f}"


def _summary(report: Report, row: Row) -> dict[str, Any]:
    client = [sample.client_cpu_s for sample in row.samples]
    server = [sample.server_cpu_s for sample in row.samples if sample.server_cpu_s is not None]
    return {
        "median_s": median(_walls(row)),
        "best_s": min(_walls(row)),
        "client_cpu_ms_per_database": _per_database(client, row.databases),
        "server_cpu_ms_per_database": _per_database(server, row.databases),
        "ratio_to_floor": report.ratio(row, FLOOR),
        "cpu_ratio_to_floor": report.ratio(row, FLOOR, cpu_s),
    }


def _per_database(seconds: Sequence[float], databases: int) -> float | None:
    return 1000 * median(seconds) / databases if seconds and databases else None


def _cost(row: Row) -> float:
    """Return the processor time that a command takes, or its time where that is not known."""
    return median(wall_s(sample) if (cpu := cpu_s(sample)) is None else cpu for sample in row.samples)


def _walls(row: Row) -> list[float]:
    return [sample.wall_s for sample in row.samples]
