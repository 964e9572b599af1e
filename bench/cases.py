"""The three cases, what is measured in each, and in which order: interleaved, so that noise meets all commands alike.

A round runs every command once, beginning with another one each time. Before each, the databases are put back.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.floor import QUERY
from bench.peers import PEERS, Peers, forget
from bench.place import GUARDED, TRUSTED, Place, Project
from bench.sample import Command, Sample, measure
from tenantry.model.scope import Scope
from tenantry.schema.catalog.read import read_fingerprint

TENANTRY, FLOOR, LOOP, XARGS = "tenantry", "floor", "psql in a loop", "psql, xargs -P"
NOTHING, ONE, ALL = "nothing pending", "one file pending", "all files"
# With the proof: of what has not changed since the last one by its token, with --full by its whole catalog.
PROVEN, VERIFY, VERIFY_FULL = "migrate, proven", "verify", "verify --full"
# What a password costs: as two roles that differ in nothing else.
ROLES = {"migrate, trusted": TRUSTED, "migrate, password": GUARDED}
WIDE, TABLES = "catalog", 300

_COMMAND = Path(sys.executable).with_name("tenantry")


@dataclass(frozen=True, slots=True)
class Case:
    """What is pending. `files` are what the floor and psql send, none: they ask one query.

    `goal` is how many times the floor's time tenantry may take. `sizes` are the numbers of databases, ascending.
    """

    name: str
    goal: float
    project: Project
    files: tuple[Path, ...]
    sizes: tuple[int, ...]
    rounds: int
    reset: Callable[[Sequence[int]], None]

    @property
    def applied(self) -> tuple[Path, ...]:
        """Return the files that are applied before a command runs."""
        return tuple(file for file in self.project.files if file not in self.files)


@dataclass(frozen=True, slots=True)
class Row:
    """One command on a number of databases in one case, with a sample for each round."""

    case: str
    command: str
    databases: int
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """A command of a round on tenants 1 to `databases`, and the SQL that is sent to each of them for it alone."""

    databases: int
    command: Command
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Bench:
    """What all cases share: the place, how many databases at once, another checkout and other runners to measure."""

    place: Place
    jobs: int
    against: Path | None = None
    peers: Peers | None = None

    def tenantry(self, name: str, config: Path, verb: str, *more: str) -> Command:
        """Return a verb as a user runs it, under the name that the report gives it."""
        return Command(name, (str(_COMMAND), "--config", str(config), verb, *more))

    def migrate(self, config: Path, *more: str) -> Command:
        """Return `tenantry migrate` without the proof, as which it is compared with what proves nothing."""
        return self.tenantry(TENANTRY, config, "migrate", "--no-verify", *more)

    def run(self, command: Command) -> Sample:
        """Run and measure one command. Raises CommandError."""
        return measure(command, self.place.folder / "output", self.place.postmaster)

    def run_case(self, case: Case, say: Callable[[str], None]) -> Iterator[Row]:
        """Measure every command of a case, and yield a row for each when all rounds are done."""
        turns = [Turn(size, command) for size in case.sizes for command in self._commands(case, size)]
        turns += self._peers(case)
        samples: list[list[Sample]] = [[] for _ in turns]
        for number in range(case.rounds):
            say(f"{case.name}: round {number + 1} of {case.rounds}")
            first = number * len(turns) // case.rounds
            for index in (*range(first, len(turns)), *range(first)):
                samples[index].append(self._take(case, turns[index]))
        for one, taken in zip(turns, samples, strict=True):
            yield Row(case.name, one.command.name, one.databases, tuple(taken))

    def _take(self, case: Case, turn: Turn) -> Sample:
        """Put the databases back, run one command, and take away what was there for it alone."""
        numbers = range(1, turn.databases + 1)
        case.reset(numbers)
        self.place.execute(turn.before, numbers)
        try:
            return self.run(turn.command)
        finally:
            self.place.execute(turn.after, numbers)

    def _peers(self, case: Case) -> Iterator[Turn]:
        """Yield the other runners on all databases, each with a ledger that says what ours says."""
        if self.peers is None:
            return
        databases = case.sizes[-1]
        for peer in PEERS:
            command = self.peers.command(peer, case.project.files, self._numbers(databases), self.jobs)
            yield Turn(databases, command, self.peers.record(peer, case.applied), forget(peer))

    def _commands(self, case: Case, databases: int) -> Iterator[Command]:
        """Yield what is measured on this many databases: psql on all of them alone, since it is no matter of ours."""
        config, jobs = case.project.config(databases), ("--jobs", str(self.jobs))
        migrate = self.migrate(config, *jobs)
        yield migrate
        if databases == case.sizes[-1]:
            yield self.tenantry(PROVEN, config, "migrate", *jobs)
            if not case.files:
                yield self.tenantry(VERIFY, config, "verify", *jobs)
                yield self.tenantry(VERIFY_FULL, config, "verify", "--full", *jobs)
                for name, role in ROLES.items():
                    yield self.tenantry(
                        name, config, "migrate", "--no-verify", *jobs, "--server", f"main={self.place.dsn_of(role)}"
                    )
        if self.against:
            yield Command(f"tenantry of {self.against}", migrate.argv, environment={"PYTHONPATH": str(self.against)})
        yield self.floor(databases, case.files)
        if databases == case.sizes[-1]:
            yield self._psql(LOOP, case, databases, 1)
            yield self._psql(f"{XARGS} {self.jobs}", case, databases, self.jobs)

    def floor(self, databases: int, files: Sequence[Path] = ()) -> Command:
        """Return the floor, by the same Python."""
        module = (sys.executable, "-m", "bench.floor")
        return Command(FLOOR, (*module, self.place.dsn, str(databases), str(self.jobs), *map(str, files)))

    def psql(self, name: str, files: Sequence[Path], number: int) -> Command:
        """Return psql for one database, with a transaction for each file."""
        return Command(name, (*self._compose_psql(files), f"{self.place.dsn} dbname=tenant_{number}"))

    def _psql(self, name: str, case: Case, databases: int, jobs: int) -> Command:
        """Return psql once for each database, with a transaction for each file."""
        target = f"{self.place.dsn} dbname=tenant_{{}}"
        argv = ("xargs", "-P", str(jobs), "-I{}", *self._compose_psql(case.files), target)
        return Command(name, argv, stdin=self._numbers(databases))

    def _numbers(self, databases: int) -> Path:
        """Return a file with the numbers of the tenants, one a line."""
        numbers = self.place.folder / f"numbers-{databases}"
        numbers.write_text("".join(f"{number}\n" for number in range(1, databases + 1)))
        return numbers

    def _compose_psql(self, files: Sequence[Path]) -> tuple[str, ...]:
        psql = (self.place.server.psql("postgres")[0], "-X", "-q", "-v", "ON_ERROR_STOP=1")
        work = [word for file in files for word in ("-c", "BEGIN", "-f", str(file), "-c", "COMMIT")]
        return (*psql, *(work or ["-c", QUERY]))


def run_wide(place: Place, project: Project, times: int) -> Row:
    """Measure what reading the fingerprint of a database with many tables takes, from connecting to it on."""
    dsn = place.make_wide(project, TABLES)
    samples = [_fingerprint(dsn) for _ in range(times)]
    return Row(WIDE, f"fingerprint, {TABLES} tables", 1, tuple(samples))


def _fingerprint(dsn: str) -> Sample:
    started, cpu = time.monotonic(), time.process_time()
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as connection:
        read_fingerprint(connection, Scope())
    return Sample(time.monotonic() - started, time.process_time() - cpu, None, 0.0)


def make_cases(place: Place, databases: int, rounds: int) -> tuple[Case, Case, Case]:
    """Return the cases (a), (b) and (c), in the order in which each finds the databases as the one before left them."""
    whole = place.make_project("whole", newest=2**31)
    until_ten = place.make_project("until-0010", newest=10)
    half, quarter = max(1, databases // 2), max(1, databases // 4)
    ten = until_ten.files[-1]
    return (
        Case(NOTHING, 1.5, whole, (), _sizes(quarter, half, databases), rounds, lambda numbers: None),
        Case(
            ONE,
            1.4,
            until_ten,
            (ten,),
            _sizes(half, databases),
            rounds,
            lambda numbers: place.undo(ten, numbers),
        ),
        # A run takes twenty times as long as with nothing pending, and so is less a matter of luck.
        Case(ALL, 1.15, whole, whole.files, _sizes(half, databases), (rounds + 1) // 2, place.empty),
    )


def _sizes(*sizes: int) -> tuple[int, ...]:
    return tuple(sorted(set(sizes)))


def run_starts(bench: Bench, project: Project, times: int) -> Iterator[Row]:
    """Measure what a command costs before it does anything: help, and two tenants that are up to date."""
    help_text = Command("tenantry --help", (str(_COMMAND), "--help"))
    migrate = bench.migrate(project.config(2))
    commands = (help_text, Command("tenantry migrate", migrate.argv), bench.floor(2))
    samples = [[bench.run(command) for command in commands] for _ in range(times)]
    for index, command in enumerate(commands):
        databases = 0 if command is help_text else 2
        yield Row("start", command.name, databases, tuple(taken[index] for taken in samples))
