"""`python -m bench.live`: what an application at work notices while migrations run on its database.

A million sessions, readers and writers all the time, and somebody's long SELECT in the way of the first file.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import psycopg

from bench.cases import Bench
from bench.load import Load, Query, run_load
from bench.place import open_place
from bench.sample import CommandError

# What the application does: a page of sessions, one session, a change of one, a new entry of time.
QUERIES = (
    Query("read", "SELECT s.*, c.name FROM sessions AS s JOIN clients AS c ON c.id = s.client_id WHERE s.id = %s"),
    Query("write", "UPDATE sessions SET notes = 'seen', updated_at = now() WHERE id = %s"),
)
# Files beside the application's own, up to 0011: each the safe form of a change that is known to hurt.
SAFE = {
    "0012_sessions_by_start.sql": (
        "-- transactional: false\nCREATE INDEX CONCURRENTLY sessions_start_time_idx ON sessions (start_time);\n"
    ),
    "0013_sessions_end_after_start.sql": (
        "ALTER TABLE sessions ADD CONSTRAINT sessions_end_after_start CHECK (end_time >= start_time) NOT VALID;\n"
    ),
    "0014_validate_sessions_end.sql": "ALTER TABLE sessions VALIDATE CONSTRAINT sessions_end_after_start;\n",
    "0015_describe_sessions.sql": (
        "-- transactional: false\n-- batch: 5000 pause 10ms\n"
        "UPDATE sessions SET description = title WHERE description IS NULL;\n"
    ),
}
# The same changes, 0010 among them, as they are written by who does not know; each is a file of its own.
UNSAFE = {
    "column-type": "ALTER TABLE sessions ALTER COLUMN total_amount TYPE numeric(12, 4);\n",
    "volatile-default": "ALTER TABLE sessions ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();\n",
    "index": "CREATE INDEX sessions_start_time_idx ON sessions (start_time);\n",
    "not-valid": "ALTER TABLE sessions ADD CONSTRAINT sessions_end_after_start CHECK (end_time >= start_time);\n",
    "not-valid-key": (
        "ALTER TABLE sessions ADD CONSTRAINT sessions_room_again FOREIGN KEY (room_id) REFERENCES rooms (id);\n"
    ),
    "set-not-null": "ALTER TABLE sessions ALTER COLUMN total_amount SET NOT NULL;\n",
    "backfill": "ALTER TABLE sessions ADD COLUMN summary text;\nUPDATE sessions SET summary = title;\n",
}
FILL = """
INSERT INTO clients (name) SELECT 'client ' || n FROM generate_series(1, 100) AS n;
INSERT INTO rooms (name, hourly_rate) SELECT 'room ' || n, 50 FROM generate_series(1, 10) AS n;
INSERT INTO sessions (client_id, room_id, title, start_time, end_time)
SELECT n % 100 + 1, n % 10 + 1, 'session ' || n, now(), now() + interval '1 hour' FROM generate_series(1, {rows}) AS n;
ANALYZE;
"""
# Of the application's own files: the first that is applied under load, and the newest.
_FIRST, _NEWEST = 10, 11
_COMPARED_S = 5.0


@dataclass(frozen=True, slots=True)
class Step:
    """One file applied under load, between two times of the monotonic clock."""

    name: str
    started_s: float
    ended_s: float


@click.command()
@click.option("--rows", type=click.IntRange(min=1), default=1_000_000, show_default=True, help="How many sessions.")
@click.option("--in-the-way", type=float, default=6.0, show_default=True, help="Seconds of the long SELECT.")
def main(rows: int, in_the_way: float) -> None:
    """Apply migrations under load, and print what the application's queries took meanwhile."""
    with open_place(1, durable=True) as place:
        try:
            load, steps = run(Bench(place, 1, None), rows, in_the_way)
        except CommandError as error:
            raise click.ClickException(str(error)) from None
        print(f"{rows:,} sessions, {place.describe()}; times in ms, reads and writes: median, 99 of 100, longest")
    for step in steps:
        print(_describe(load, step))
    for line in load.errors:
        print(f"an error of the application: {line}")


def run(bench: Bench, rows: int, in_the_way_s: float) -> tuple[Load, list[Step]]:
    """Apply the files one by one under load; the first step is a time without any. Raises CommandError."""
    project = bench.place.make_project("live", _NEWEST)
    for name, text in SAFE.items():
        (project.folder / "migrations" / name).write_text(text)
    config = project.config(1)
    bench.run(bench.migrate(config, "--create", "--to", str(_FIRST - 1)))
    dsn = f"{project.dsn} dbname=tenant_1"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(FILL.format(rows=rows).encode())
    with run_load(dsn, QUERIES, rows=rows) as load:
        steps = [_time("nothing, for comparison", lambda: time.sleep(_COMPARED_S))]
        for file in project.files[_FIRST:]:
            with in_the_way(dsn, in_the_way_s if len(steps) == 1 else 0.0):
                steps.append(_time(file.stem, _migrate(bench, config, file)))
    return load, steps


def _migrate(bench: Bench, config: Path, file: Path) -> Callable[[], object]:
    command = bench.migrate(config, "--to", str(int(file.name.split("_")[0])))
    return lambda: bench.run(command)


def _time(name: str, act: Callable[[], object]) -> Step:
    started_s = time.monotonic()
    act()
    return Step(name, started_s, time.monotonic())


@contextmanager
def in_the_way(dsn: str, seconds: float) -> Iterator[None]:
    """Have somebody read the sessions in a transaction that stays open for so long."""

    def read(ready: threading.Event) -> None:
        with psycopg.connect(dsn) as connection:
            connection.execute("SELECT count(*) FROM sessions")
            ready.set()
            time.sleep(seconds)

    if not seconds:
        yield
        return
    ready = threading.Event()
    thread = threading.Thread(target=read, args=(ready,))
    thread.start()
    ready.wait()
    yield
    thread.join()


def _describe(load: Load, step: Step) -> str:
    columns = [f"{step.name:32}", f"{step.ended_s - step.started_s:6.1f} s"]
    for query in QUERIES:
        seen = load.summarise(query.kind, step.started_s, step.ended_s)
        times = "".join(f"{1000 * value:9.1f}" for value in (seen.median_s, seen.late_s, seen.longest_s))
        columns.append(f"  {seen.count:6} {query.kind}s{times}")
    return "".join(columns)


if __name__ == "__main__":
    main()
