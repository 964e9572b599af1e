"""A large fleet of small databases: whether a run stays linear, and what is around it costs little.

It is measured with nothing pending. A hundred thousand tenants, of which no database is there, are only read.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import tenantry
from bench.cases import TENANTRY, Bench, Row
from bench.place import Project
from bench.sample import Command, Sample
from tenantry.fleet.selection import parse_selection, select
from tenantry.model.events import Event
from tenantry.verbs.recording import Record, record_run
from tenantry.verbs.staging import make_course
from tenantry.verbs.verb import Events

FLEET, SHOW, AROUND = "fleet", "runs show", "selection, stages and journal"
SOURCES, LISTED = "tenants", 100_000
# Far from those of the other cases; the first one is what the others are cloned from.
_FIRST = 3_000_000
_TABLES = """
CREATE TABLE clients (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE rooms (id bigint PRIMARY KEY, rate numeric NOT NULL DEFAULT 0);
CREATE TABLE bookings (client bigint NOT NULL REFERENCES clients, room bigint NOT NULL REFERENCES rooms, at date);
"""
_ROLLOUT = """rollout:
  stages:
    - {name: canary, match: 20 of all, max-failures: 0}
    - {name: early, match: 5%}
    - {name: rest}
"""
_READ = (
    "import sys; from pathlib import Path; from tenantry.config.reading import read; read(Path(sys.argv[1]), env={})"
)

# A line for each tenant, with its id and a label.
_LINES = {
    "CSV": "{},t{}\n",
    "JSONL": '{{"id": {}, "labels": {{"tier": "t{}"}}}}\n',
    "YAML": "    - {{id: {}, labels: {{tier: t{}}}}}\n",
}
_HEADS = {"CSV": "id,labels.tier\n"}


def run_fleet(bench: Bench, databases: int, rounds: int) -> Iterator[Row]:
    """Measure a fleet of so many databases, and two parts of it, with nothing pending."""
    project = Project(bench.place.folder / "fleet", bench.place.dsn)
    (project.folder / "migrations").mkdir(parents=True)
    (project.folder / "migrations" / "0001_tables.sql").write_text(_TABLES)
    bench.run(bench.migrate(_configure(project, range(_FIRST, _FIRST + 1)), "--create"))
    bench.place.clone(range(_FIRST + 1, _FIRST + 1 + databases), template=_FIRST)
    sizes = sorted({max(databases * part // 3, 1) for part in (1, 2, 3)})
    configs = {size: _configure(project, range(_FIRST + 1, _FIRST + 1 + size)) for size in sizes}
    taken: dict[int, list[Sample]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size, config in configs.items():
            taken[size].append(bench.run(bench.migrate(config, "--no-rollout")))
    for size in sizes:
        yield Row(FLEET, TENANTRY, size, tuple(taken[size]))
    show = bench.tenantry(SHOW, configs[sizes[-1]], "runs", "show", "last")
    yield Row(FLEET, SHOW, sizes[-1], tuple(bench.run(show) for _ in range(rounds)))
    yield Row(FLEET, AROUND, sizes[0], tuple(_measure_around(configs[sizes[0]], rounds)))


def _configure(project: Project, numbers: Sequence[int]) -> Path:
    """Return the file that names these tenants, with stages."""
    path = project.config_of(numbers)
    named = path.with_name(f"fleet-{len(numbers)}.yaml")
    named.write_text(f"{path.read_text()}{_ROLLOUT}")
    path.unlink()
    return named


def _measure_around(config: Path, rounds: int) -> Iterator[Sample]:
    """Measure what a run does besides its tenants, again with the events of a run that was."""
    with tenantry.open(config) as opened:
        events = list(tenantry.migrate(opened, verify=False))
        project = opened._project  # its parts have no public names
        typed = ",".join(tenant.name for tenant in project.tenants)
        for _ in range(rounds):
            started, cpu = time.monotonic(), time.process_time()
            select(project.known, project.config.master, parse_selection(typed))
            make_course(project)
            for _event in record_run(project, "migrate", Record({}), _replay(events)):
                pass
            yield Sample(time.monotonic() - started, time.process_time() - cpu, 0.0, 0.0)


def _replay(events: Sequence[Event]) -> Events:
    yield from events


def run_sources(bench: Bench, rounds: int) -> Iterator[Row]:
    """Measure how long it takes to read and check many tenants, from each kind of source."""
    folder = bench.place.folder / "sources"
    folder.mkdir()
    for name, line in _LINES.items():
        text = _HEADS.get(name, "") + "".join(line.format(number, number % 7) for number in range(1, LISTED + 1))
        if name != "YAML":
            (folder / f"tenants.{name.lower()}").write_text(text)
        config = folder / f"{name.lower()}.yaml"
        source = f"  list:\n{text}" if name == "YAML" else f"  file: tenants.{name.lower()}\n"
        config.write_text(
            "servers: {main: host=/nowhere}\n"
            "tenants:\n  migrations: migrations\n  server: main\n  database: studio_{id}\n" + source
        )
        command = Command(f"{LISTED:,} in {name}", (sys.executable, "-c", _READ, str(config)))
        yield Row(SOURCES, command.name, 0, tuple(bench.run(command) for _ in range(rounds)))
