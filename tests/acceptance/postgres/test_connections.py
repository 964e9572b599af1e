"""Servers that have few connections, are full, hang, restart or stay away: they hold up their own tenants alone."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tenantry.postgres.embedded.cluster import EmbeddedServer
from tests.acceptance.fix_command import Fleet, MakeFleet, Result, make_fleet, read_events, read_report
from tests.fix_postgres import binaries_of, lend_folder

pytestmark = pytest.mark.slow

# Three of them are reserved for superusers.
SMALL = {"max_connections": "10", "dynamic_shared_memory_type": "mmap"}
IDS = [str(number) for number in range(1, 25)]
# Keeps how many connections of the run there were meanwhile.
SEEN = (
    "CREATE TABLE seen AS SELECT count(*) AS n FROM pg_catalog.pg_stat_activity"
    " WHERE application_name LIKE 'tenantry/%';\n"
    "SELECT pg_catalog.pg_sleep(0.1);\n"
)
SLOW = "CREATE TABLE rooms (id integer);\nSELECT pg_catalog.pg_sleep(0.2);\n"

# Lasts in tenant 1 alone, long enough to stop its server meanwhile.
LONG_IN_FIRST = (
    "CREATE TABLE rooms (id integer);\n"
    "SELECT pg_catalog.pg_sleep(CASE WHEN current_database() LIKE '%\\_1' THEN 3 ELSE 0.1 END);\n"
)

StartServer = Callable[[], EmbeddedServer]


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Return a callable that starts a server of the test's own with ten connections."""
    with ExitStack() as stack:

        def start() -> EmbeddedServer:
            folder = stack.enter_context(lend_folder())
            server = EmbeddedServer(folder / "state", binaries_of("17"), SMALL)
            server.start()
            stack.callback(server.destroy)
            return server

        yield start


@pytest.fixture
def small(start_server: StartServer, server_dsn: str, tmp_path: Path) -> Fleet:
    """Return a fleet on a server with ten connections, whose files are replayed on another one."""
    one = make_fleet(tmp_path / "project", start_server().dsn(), tenants=IDS, files={"0001_seen.sql": SEEN})
    one.environment["TENANTRY_SCRATCH"] = server_dsn  # type: ignore[index]  # a dict
    return one


def add_server(one: Fleet, server: EmbeddedServer, *names: str) -> Fleet:
    """Put tenants of a fleet on a second server, called `other`, where their databases are created."""
    config = one.folder / "tenants.yaml"
    text = config.read_text("utf-8")
    dsn = one.server.replace(str(psycopg.conninfo.conninfo_to_dict(one.server)["host"]), _host(server))
    text = text.replace("servers: {main: ", f'servers: {{other: "{dsn}", main: ')
    for name in names:
        text = text.replace(f'"{name}"', f'{{id: "{name}", server: other}}')
    config.write_text(text, "utf-8")
    with psycopg.connect(server.dsn(), dbname="postgres", autocommit=True) as connection:
        for name in names:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(one.database(name))))
    return Fleet(one.folder, one.prefix, dsn, one.environment)


def most_seen(one: Fleet, names: list[str]) -> int:
    """Return the highest number of connections that a file has seen of its run."""
    return max(int(one.query(name, "SELECT n FROM seen")[0][0]) for name in names)


def ends(result: Result) -> dict[str, str]:
    """Return how each tenant ended, in the order in which they did."""
    events = read_events(result.out)
    return {event["tenant"]: event["verdict"]["result"] for event in events if event["event"] == "tenant_finished"}


def explain(result: Result) -> dict[str, str]:
    """Return the reason for the end of each tenant."""
    events = read_events(result.out)
    return {event["tenant"]: event["verdict"]["reason"] for event in events if event["event"] == "tenant_finished"}


def count_postponed(result: Result) -> int:
    """Return how many tenants had to have a second turn."""
    return sum(event["event"] == "tenant_postponed" for event in read_events(result.out))


def test_more_jobs_than_connections(small: Fleet) -> None:
    """With more jobs than a server has connections, none is refused, and what is reserved stays free."""
    done = small.run("migrate", "--jobs", "16", "--format", "jsonl")
    assert (done.code, set(ends(done).values()), count_postponed(done)) == (0, {"applied"}, 0)
    assert 2 <= most_seen(small, IDS) <= 7


def test_connections_in_use_are_left_alone(small: Fleet) -> None:
    """Connections of others count: a run has no more than they leave."""
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(small.session("1"))
        done = small.run("migrate", "--jobs", "16", "--format", "jsonl")
    assert (done.code, set(ends(done).values()), count_postponed(done)) == (0, {"applied"}, 0)
    assert most_seen(small, IDS) <= 3


@pytest.mark.parametrize("settings", ["connections: 4\n", "server"], ids=["for all", "for one"])
def test_cap(small: Fleet, settings: str) -> None:
    """A number of connections in tenants.yaml is kept, be it that of all servers or of one."""
    config = small.folder / "tenants.yaml"
    text = config.read_text("utf-8")
    if settings == "server":
        text = text.replace(f'main: "{small.server}"', f'main: {{dsn: "{small.server}", connections: 4}}')
        text += "connections: 7\n"
    else:
        text += settings
    config.write_text(text, "utf-8")
    done = small.run("migrate", "--jobs", "16", "--format", "jsonl")
    assert (done.code, set(ends(done).values())) == (0, {"applied"})
    assert most_seen(small, IDS) <= 4


def test_a_file_outside_a_transaction(small: Fleet) -> None:
    """Tenants that need three connections each all get them, one after another."""
    small.remove("0001_seen.sql")
    small.write("0001_rooms.sql", "CREATE TABLE rooms (id integer);\n")
    small.write("0002_index.sql", "-- transactional: false\nCREATE INDEX CONCURRENTLY rooms_id ON rooms (id);\n")
    done = small.run("migrate", "--jobs", "16", "--format", "jsonl")
    assert (done.code, set(ends(done).values()), count_postponed(done)) == (0, {"applied"}, 0)


def test_full_for_a_moment(small: Fleet) -> None:
    """A server that is full is tried again, and the run continues when there is room."""
    with ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(small.session("1"))
        with small.start("migrate", "--tenants", "1-6", "--format", "jsonl") as process:
            assert process.stdout is not None
            while '"tenant_started"' not in process.stdout.readline():
                pass
            time.sleep(1)  # the attempts of a run are seen by nobody
            stack.close()
            out, _ = process.communicate(timeout=50)
    assert process.returncode == 0
    assert "tenant_postponed" not in out


def test_full_for_good(small: Fleet) -> None:
    """A server that stays full is not waited for longer than --lock-wait: exit code 5, with the server's words."""
    with ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(small.session("1"))
        done = small.run("migrate", "--tenants", "1-6", "--lock-wait", "1")
    report = read_report(small, done.out)
    assert (done.code, report.column("result")) == (5, ["blocked"] * 6)
    assert (
        "server 'main': connection to server on socket \"/socket/.s.PGSQL.5432\" failed: sorry, too many clients "
        "already\n  hint: close other connections, raise the limit, or use a lower --jobs; then run the same command "
        "again\n"
    ) in report.text


@pytest.mark.parametrize("limited", ["ROLE", "DATABASE"])
def test_connection_limit(small: Fleet, limited: str) -> None:
    """The limit of a role is never exceeded, and that of a database is waited for."""
    with psycopg.connect(small.server, dbname="postgres", autocommit=True) as connection:
        connection.execute(
            "CREATE ROLE worker LOGIN CONNECTION LIMIT 3" if limited == "ROLE" else "CREATE ROLE worker LOGIN"
        )
        for name in IDS[:6]:
            database = sql.Identifier(small.database(name))
            connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO worker").format(database))
            if limited == "DATABASE":
                connection.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT 1").format(database))
    dsn = small.server.replace("user=postgres", "user=worker")
    with psycopg.connect(dsn, dbname=small.database("1")) as beside:
        command = ("migrate", "--tenants", "1-6", "--format", "jsonl", "--server", f"main={dsn}")
        if limited == "ROLE":
            done = small.run(*command)
            assert (done.code, set(ends(done).values()), count_postponed(done)) == (0, {"applied"}, 0)
            return
        done = small.run(*command, "--lock-wait", "1")
        assert (done.code, ends(done)) == (5, {"1": "blocked"} | dict.fromkeys(IDS[1:6], "applied"))
        beside.close()
    assert small.run(*command).code == 0


def test_a_server_that_hangs(fleet: MakeFleet, start_server: StartServer) -> None:
    """A server that hangs holds up its own tenants alone; they are done when it answers again."""
    one = fleet(tenants=IDS[:12], files={"0001_rooms.sql": SLOW})
    server = start_server()
    other = add_server(one, server, "1", "2", "3", "4")
    pid = server.pid()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        with one.start("migrate", "--jobs", "2", "--format", "jsonl") as process:
            assert process.stdout is not None
            seen: list[str] = []
            while len(seen) < 8:
                line = process.stdout.readline()
                assert line, process.communicate()
                seen += [line] if '"tenant_finished"' in line else []
            os.kill(pid, signal.SIGCONT)
            out, _ = process.communicate(timeout=50)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert process.returncode == 0
    assert all('"applied"' in line and f'"tenant":"{name}"' not in line for line in seen for name in "1234")
    assert [other.versions(name) for name in "1234"] == [[1]] * 4
    assert out.count('"tenant_finished"') == 4


def test_a_server_that_restarts(fleet: MakeFleet, start_server: StartServer) -> None:
    """A server that restarts in the middle costs the tenant at work there; running again finishes that one."""
    one = fleet(tenants=IDS[:12], files={"0001_rooms.sql": LONG_IN_FIRST})
    server = start_server()
    other = add_server(one, server, *IDS[:6])
    with one.start("migrate", "--jobs", "1", "--format", "jsonl") as process:
        other.await_activity("1", "pg_sleep")
        server.stop("immediate")
        server.start()
        out, _ = process.communicate(timeout=50)
    done = Result(process.returncode, out, "")
    assert (done.code, ends(done)) == (5, {"1": "unreachable"} | dict.fromkeys(IDS[1:12], "applied"))
    assert explain(done)["1"].startswith("connection lost while 0001_rooms ran: ")
    assert one.run("migrate", "--format", "jsonl").code == 0
    assert [other.versions(name) for name in IDS[:6]] == [[1]] * 6


def test_a_server_that_stays_away(fleet: MakeFleet, start_server: StartServer) -> None:
    """A server that goes away for good costs its own tenants: exit code 5, and each of them says so."""
    one = fleet(tenants=IDS[:12], files={"0001_rooms.sql": LONG_IN_FIRST})
    server = start_server()
    other = add_server(one, server, *IDS[:6])
    with one.start("migrate", "--jobs", "1", "--format", "jsonl", "--lock-wait", "1") as process:
        other.await_activity("1", "pg_sleep")
        server.stop("immediate")
        out, _ = process.communicate(timeout=50)
    done = Result(process.returncode, out, "")
    expected = dict.fromkeys(IDS[:6], "unreachable") | dict.fromkeys(IDS[6:12], "applied")
    assert (done.code, ends(done), count_postponed(done)) == (5, expected, 5)
    for name in IDS[1:6]:
        assert explain(done)[name] == (
            f"server 'other': connection to server on socket \"{_host(server)}/.s.PGSQL.5432\" failed: No such file or "
            "directory; Is the server running locally and accepting connections on that socket?"
        )


def _host(server: EmbeddedServer) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(server.dsn())["host"])
