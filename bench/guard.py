"""What the guard of the ledger costs: the same rows read without it and with it, each over a connection of its own."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg

from bench.cases import Row
from bench.sample import Sample
from tenantry.ledger.guard import Guard, compose_glanced, is_plain
from tenantry.ledger.rows import COLUMNS
from tenantry.model.records import LEDGER_TABLE
from tenantry.postgres.copying import copy_rows

GUARD, PLAIN, GUARDED = "ledger", "read without a guard", "read with the guard"

_SCHEMA = "public"
_PLAIN = f"SELECT {', '.join(COLUMNS.split())} FROM ONLY {_SCHEMA}.{LEDGER_TABLE}"
# The first table of the files, as `migrate` asks for it.
_WITNESS = "clients"
# A backend is still at work after its answer: it ends its transaction.
_SETTLE_S = 0.002

_Connection = psycopg.Connection[tuple[Any, ...]]


def run_guard(dsn: str, databases: Sequence[int], rounds: int) -> Iterator[Row]:
    """Measure both ways to read the ledgers, in turns; a row for each, with a sample for each reading."""
    ways: dict[str, Callable[[_Connection], object]] = {PLAIN: _read_plain, GUARDED: _read_guarded}
    samples: dict[str, list[Sample]] = {name: [] for name in ways}
    for _ in range(rounds):
        for number in databases:
            for name, read in ways.items():
                samples[name].append(_measure(f"{dsn} dbname=tenant_{number}", read))
    for name, taken in samples.items():
        yield Row(GUARD, name, 1, tuple(taken))


def _read_plain(connection: _Connection) -> None:
    connection.execute(_PLAIN.encode()).fetchall()


def _read_guarded(connection: _Connection) -> None:
    copied = copy_rows(connection, compose_glanced(_SCHEMA, LEDGER_TABLE, COLUMNS, _WITNESS))
    if not is_plain(Guard(), LEDGER_TABLE, copied.answer):
        raise AssertionError("a ledger of the benchmark's own is not plain")


def _measure(dsn: str, read: Callable[[_Connection], object]) -> Sample:
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as connection:
        backend = connection.info.backend_pid
        time.sleep(_SETTLE_S)
        before = _cpu_s(backend)
        started, cpu = time.monotonic(), time.thread_time()
        read(connection)
        wall_s, client_cpu_s = time.monotonic() - started, time.thread_time() - cpu
        time.sleep(_SETTLE_S)
        after = _cpu_s(backend)
    server_cpu_s = None if before is None or after is None else after - before
    return Sample(wall_s, client_cpu_s, server_cpu_s, 0.0)


def _cpu_s(pid: int) -> float | None:
    """Return the processor time of a process to the nanosecond; None where there is no such file."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return None
