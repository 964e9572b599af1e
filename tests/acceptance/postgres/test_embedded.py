"""A project on the embedded server, from the first run to the end of its server."""

from pathlib import Path

import psycopg

from tenantry.postgres.embedded.cluster import EmbeddedServer
from tests.acceptance.fix_command import FILES, MASTER_FILES, Fleet, find_commands, make_fleet, read_report


def test_a_project_from_start_to_end(own_folder: Path) -> None:
    """The first run makes server and databases, later ones find them; the server can be stopped, read and destroyed."""
    one = make_fleet(own_folder / "project", "host=/ port=1 user=x", created=False, scratch=False)
    one.configure(
        "servers: {main: embedded}\n"
        "master: {server: main, database: rsm_master, migrations: migrations/master}\n"
        "tenants: {migrations: migrations/tenant, server: main, database: 'tenant_{id}', list: [1, 16]}\n"
    )
    (one.folder / "migrations" / "master").mkdir()
    for name, text in MASTER_FILES.items():
        one.write(name, text, "master")
    try:
        _before_the_first_run(one)
        _first_and_second_run(one)
        _stopped_and_started_again(one)
        _looked_at(one)
        _destroyed(one)
    finally:
        EmbeddedServer(one.folder / ".tenantry").destroy()


def _before_the_first_run(fleet: Fleet) -> None:
    """Call verbs that need the server: each says that there is none yet and what makes it; none makes it."""
    said = (
        "error: .tenantry: the embedded server has not been created\n"
        'hint: run "tenantry migrate --tenants {}" to create it and its databases\n'
    )
    for args, chosen in ((("status",), "all"), (("verify",), "all"), (("status", "--tenants", "16"), "16")):
        done = fleet.run(*args)
        assert (done.code, done.out, done.err) == (2, "", said.format(chosen)), args
    psql = fleet.run("db", "psql", "1")
    said = (
        "error: .tenantry: the embedded server has not been created\n"
        'hint: run "tenantry migrate --tenants 1" to create it\n'
    )
    assert (psql.code, psql.err) == (2, said)
    assert fleet.run("db", "destroy").out == "nothing to destroy\n"
    assert not (fleet.folder / ".tenantry").exists()


def _first_and_second_run(fleet: Fleet) -> None:
    first = fleet.run("migrate", "--tenants", "1,16")
    report = read_report(fleet, first.out)
    assert (first.code, report.column("result"), report.column("version")) == (0, ["applied"] * 2, ["0001_rates"] * 2)
    assert report.text == "2 tenants: 2 applied in 0 ms\ninspect a tenant: tenantry db psql tenant_1\n"
    everything = fleet.run("migrate")
    assert (everything.code, read_report(fleet, everything.out).column("result")) == (
        0,
        ["applied", "up to date", "up to date"],
    )
    assert read_report(fleet, fleet.run("status").out).column("state") == ["up to date"] * 3


def _stopped_and_started_again(fleet: Fleet) -> None:
    assert (fleet.run("db", "stop").out, fleet.run("db", "stop").out) == ("stopped\n", "was not running\n")
    fleet.write("0002_notes.sql", "CREATE TABLE notes ();\n")
    again = fleet.run("migrate", "--tenants", "16")
    assert (again.code, read_report(fleet, again.out).column("applied")) == (0, ["1"])
    started = fleet.run("db", "start")
    assert started.out.startswith("already running: postgresql:///postgres?host=/tmp/tenantry-")


def _looked_at(fleet: Fleet) -> None:
    shown = fleet.shell("tenantry db psql 16 -- -At -c 'SELECT count(*) FROM rooms'")
    assert (shown.code, shown.out, shown.err) == (0, "0\n", "")
    url = fleet.run("db", "url", "16").out.strip()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("tenant_16",)


def _destroyed(fleet: Fleet) -> None:
    """Destroy the server, which has to be said; then it is as before the first run."""
    asked = fleet.run("db", "destroy")
    assert (asked.code, asked.out) == (2, "")
    assert asked.err == (
        "error: .tenantry: destroying the embedded server deletes all of its databases\n"
        'hint: run "tenantry db destroy --yes" to confirm\n'
    )
    (sure,) = find_commands(asked.err)
    done = fleet.shell(sure)
    assert (done.code, done.out) == (0, "destroyed\n")
    assert fleet.run("status").code == 2


def test_a_project_without_an_embedded_server(own_folder: Path) -> None:
    """`db` in a project whose servers are all somebody else's exits with 2 and says so."""
    one = make_fleet(own_folder / "project", "host=/nowhere port=1 user=x", files=FILES, created=False, scratch=False)
    done = one.run("db", "start")
    said = 'error: tenants.yaml: no server is set to "embedded", expected at least one\n'
    assert (done.code, done.out, done.err) == (2, "", said)


def test_files_that_make_roles(own_folder: Path) -> None:
    """A role that the master's files make and the tenants' files grant to is no obstacle to any proof."""
    one = make_fleet(
        own_folder / "project",
        "host=/ port=1 user=x",
        files={"0000_rooms.sql": "CREATE TABLE rooms ();\nGRANT SELECT ON rooms TO app;\n"},
        master={"0000_app.sql": "CREATE ROLE app;\n"},
        created=False,
        scratch=False,
    )
    one.configure(
        "servers: {main: embedded}\n"
        "master: {server: main, database: rsm_master, migrations: migrations/master}\n"
        "tenants: {migrations: migrations/tenant, server: main, list: [1, 16]}\n"
    )
    try:
        done = one.run("migrate")
        assert (done.code, read_report(one, done.out).column("result")) == (0, ["applied"] * 3), done.out
        assert one.run("verify").code == 0
        assert one.run("check").code == 0
    finally:
        EmbeddedServer(one.folder / ".tenantry").destroy()
