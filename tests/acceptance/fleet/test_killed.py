"""Runs over workers in which everybody is killed at random: coordinator, workers and server."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tenantry.postgres.embedded.cluster import EmbeddedServer
from tests.acceptance.fix_command import COMMAND, Fleet, Result, make_fleet, read_events
from tests.acceptance.fleet.fix_workers import Worker, start_worker

# TENANTRY_TEST_ROUNDS=50 for as many rounds; TENANTRY_TEST_TENANTS, TENANTRY_TEST_SEED likewise.
ROUNDS = int(os.environ.get("TENANTRY_TEST_ROUNDS", "2"))
TENANTS = int(os.environ.get("TENANTRY_TEST_TENANTS", "300"))
SEED = int(os.environ.get("TENANTRY_TEST_SEED", "0")) or random.randrange(10**6)
WORKERS = 3
FILES_A_ROUND = 3
# Longer than a round takes on a busy machine.
_WITHIN_S = 600
_SEED_FILE = {"0000_hits.sql": "CREATE TABLE hits (version integer NOT NULL);\n"}


@pytest.fixture
def own(own_folder: Path) -> Iterator[Fleet]:
    """Return a fleet on an embedded server of its own, which may be killed, set up for workers."""
    made = make_fleet(own_folder / "project", "host=/ port=1 user=x", files=_SEED_FILE, created=False, scratch=False)
    one = replace(made, patience_s=_WITHIN_S)
    one.configure(
        "servers: {main: embedded}\n"
        "master: {server: main, database: rsm_master, migrations: migrations/master}\n"
        "tenants: {migrations: migrations/tenant, server: main, database: 'tenant_{id}',"
        f" list: {list(range(1, TENANTS + 1))}}}\n"
        "workers: {}\n"
    )
    (one.folder / "migrations" / "master").mkdir()
    one.write("0000_start.sql", "CREATE TABLE started ();\n", "master")
    server = EmbeddedServer(one.folder / ".tenantry")
    try:
        assert one.run("migrate", "--tenants", "master").code == 0
        create(server)
        assert one.run("worker", "--set-up").code == 0
        yield one
    finally:
        server.destroy()


def create(server: EmbeddedServer) -> None:
    """Create the databases of the tenants, by copies of an empty one, which are quick."""
    with psycopg.connect(server.dsn(), dbname="postgres", autocommit=True) as connection:
        for number in range(1, TENANTS + 1):
            name = sql.Identifier(f"tenant_{number}")
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 STRATEGY wal_log").format(name))


@pytest.mark.slow
@pytest.mark.timeout(_WITHIN_S * ROUNDS + 600)
def test_everybody_is_killed(own: Fleet) -> None:
    """After any deaths, a resumed run ends well: each tenant has each file once, and journal, ledger, catalog agree."""
    sys.stdout.write(f"TENANTRY_TEST_SEED={SEED}\n")
    chance = random.Random(SEED)
    assert own.run("migrate").code == 0
    for number in range(ROUNDS):
        first = number * FILES_A_ROUND + 1
        for version in range(first, first + FILES_A_ROUND):
            text = f"SELECT pg_sleep(0.02);\nINSERT INTO hits VALUES ({version});\n"
            own.write(f"{version:04}_hit.sql", text)
        story = _Round(own, chance, number).run()
        sys.stdout.write(f"round {number}: {', '.join(story)}\n")
        assert_whole(own, first + FILES_A_ROUND - 1)


class _Round:
    """One run with deaths at random moments, resumed until it ends well."""

    def __init__(self, one: Fleet, chance: random.Random, number: int) -> None:
        self._one = one
        self._chance = chance
        self._number = number
        self._started = 0
        self._tries = 0
        self._workers: list[Worker] = []
        self._story: list[str] = []

    def run(self) -> list[str]:
        """Return what happened, in words."""
        try:
            before = self._count_runs()
            for deaths in (self._chance.randint(1, 4), *(self._chance.choice([0, 0, 1]) for _ in range(10))):
                self._start_workers()
                # Who was killed before its journal began has done nothing.
                if not self._migrate(resumes=self._count_runs() > before, deaths=deaths):
                    return self._story
            raise AssertionError(f"it does not come to an end: {self._story}")
        finally:
            for worker in self._workers:
                worker.kill()

    def _count_runs(self) -> int:
        return len(list((self._one.folder / ".tenantry" / "runs").iterdir()))

    def _start_workers(self) -> None:
        """Start as many workers as are missing, as a supervisor does."""
        self._workers = [worker for worker in self._workers if worker.process.poll() is None]
        while len(self._workers) < WORKERS:
            self._started += 1
            self._workers.append(start_worker(self._one, f"worker-{self._number}-{self._started}"))

    def _migrate(self, *, resumes: bool, deaths: int) -> bool:
        """Start a run and kill others, or it; return whether it is to be resumed."""
        self._tries += 1
        words = ["--resume"] if resumes else ["--engine", "procrastinate", "--tenants", "all", "--lock-wait", "60"]
        with (self._one.folder / f"run-{self._number}-{self._tries}.out").open("wb") as file:
            process = subprocess.Popen(
                [str(COMMAND), "migrate", *words, "--format", "jsonl"],
                cwd=self._one.folder,
                env=self._one.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        for _ in range(deaths):
            self._await_progress(process)
            if process.poll() is not None:
                break
            if self._kill(process):
                return True
        try:
            code = process.wait(_WITHIN_S)
        finally:
            process.kill()
        self._story.append(f"exit {code}")
        return code != 0

    def _await_progress(self, process: "subprocess.Popen[bytes]") -> None:
        """Wait until the run has come a random step further, whatever the machine does besides."""
        out = self._one.folder / f"run-{self._number}-{self._tries}.out"
        seen, wanted = out.stat().st_size, self._chance.randint(1_000, 200 * TENANTS * FILES_A_ROUND)
        until = time.monotonic() + _WITHIN_S
        while out.stat().st_size < seen + wanted and process.poll() is None:
            assert time.monotonic() < until, f"it does not go on: {self._story}"
            time.sleep(0.05)  # nobody tells when a file has grown

    def _kill(self, process: "subprocess.Popen[bytes]") -> bool:
        """Kill somebody; return whether it was the coordinator."""
        whom = self._chance.choice(["worker", "worker", "worker", "coordinator", "server", "term"])
        self._story.append(whom)
        if whom == "coordinator":
            process.kill()
            process.wait()
            return True
        if whom == "server":
            self._kill_server()
            return False
        victim = self._chance.choice(self._workers)
        if whom == "worker":
            victim.kill()
        else:
            victim.process.send_signal(signal.SIGTERM)
        if victim.process.poll() is None:
            victim.process.wait(_WITHIN_S)
        self._start_workers()
        return False

    def _kill_server(self) -> None:
        server = EmbeddedServer(self._one.folder / ".tenantry")
        server.stop("immediate")
        time.sleep(self._chance.uniform(0, 2))
        server.start()


def assert_whole(one: Fleet, newest: int) -> None:
    """Assert that each tenant has each file once, by its table and its log, and that the journals say the same."""
    server = EmbeddedServer(one.folder / ".tenantry")
    versions = list(range(1, newest + 1))
    for number in range(1, TENANTS + 1):
        with psycopg.connect(server.dsn(), dbname=f"tenant_{number}") as connection:
            hits = connection.execute("SELECT version FROM hits ORDER BY 1").fetchall()
            assert [row[0] for row in hits] == versions, number
            logged = connection.execute("SELECT version FROM _migrations_log WHERE event = 'applied' ORDER BY version")
            assert [row[0] for row in logged] == [0, *versions], number
    checked = one.run("runs", "check", "last", "--format", "jsonl")
    assert checked.code == 0, _list_findings(checked)


def _list_findings(checked: Result) -> list[object]:
    return [event for event in read_events(checked.out) if event["event"] in ("finding_reported", "warning_raised")]
