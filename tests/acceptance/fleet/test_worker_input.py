"""Wrong input of workers, and of runs that need them: named, with exit code 2, and nothing is touched."""

import pytest

from tests.acceptance.fix_command import FILES, MASTER_FILES, Fleet, MakeFleet
from tests.acceptance.fleet.fix_workers import SETTINGS, make_served

pytestmark = pytest.mark.timeout(600)
RUN = ("migrate", "--engine", "procrastinate")
WITHOUT_EXTRA = "import sys; sys.modules['procrastinate'] = None; from tenantry.cli import main; sys.argv = {}; main()"


def refuse(one: Fleet, *args: str, code: int = 2) -> str:
    """Return the error of a command that touches no tenant."""
    done = one.run(*args)
    assert (done.code, done.out) == (code, ""), done.out + done.err
    assert one.versions("1") == []
    return done.err


def test_without_the_extra(fleet: MakeFleet) -> None:
    """Without the library, both verbs name the extra that brings it."""
    one = fleet(master=MASTER_FILES, settings=SETTINGS)
    for words, subject in ((["worker"], "worker"), (list(RUN), "--engine procrastinate")):
        done = one.python("-c", WITHOUT_EXTRA.format(["tenantry", *words]))
        assert (done.code, done.out, done.err) == (
            2,
            "",
            f"error: {subject}: the package procrastinate is not installed, expected the extra `workers`\n"
            "hint: install it with `pip install 'tenantry[workers]'`\n",
        )


def test_without_the_key(fleet: MakeFleet) -> None:
    """Whether the master holds tables that no file makes is for tenants.yaml to say."""
    one = fleet(master=MASTER_FILES)
    said = (
        "error: tenants.yaml: no workers, expected the key: it says where runs and workers meet\n"
        "hint: add the line `workers: {}` to have it in the master's database\n"
    )
    assert [refuse(one, "worker"), refuse(one, "worker", "--set-up"), refuse(one, *RUN)] == [said] * 3


def test_without_a_control_database(fleet: MakeFleet) -> None:
    """Without a master, tenants.yaml has to name a database."""
    one = fleet(settings=SETTINGS)
    assert refuse(one, "worker") == (
        "error: tenants.yaml:7:10: workers: no control database, expected database in it, or a master\n"
        "hint: write workers: {database: ...}\n"
    )
    one = fleet(settings="workers: {database: embedded}\n")
    assert refuse(one, "worker") == (
        "error: tenants.yaml:7:21: workers.database: embedded, expected the connection string of a database\n"
        "hint: leave it out to use the master\n"
    )


def test_without_the_schema(fleet: MakeFleet) -> None:
    """A control database without the tables is named, with the command that creates them."""
    one = fleet(master=MASTER_FILES, settings=SETTINGS)
    said = (
        f"error: workers: schema 'tenantry_workers' of database {one.database('master')!r}: not found, expected the"
        ' tables of workers\nhint: run "tenantry worker --set-up"\n'
    )
    assert [refuse(one, "worker"), refuse(one, *RUN)] == [said] * 2


def test_tables_of_another_version(fleet: MakeFleet) -> None:
    """Tables of another layout, or of another major version of the library, are not misread."""
    one = make_served(fleet)
    one.query("master", "UPDATE tenantry_workers.layout SET version = 9, queue = '4.0.0'")
    said = refuse(one, "worker")
    assert "of layout 9 and procrastinate 4.0.0, expected 1 and 3." in said
    assert refuse(one, *RUN) == said


def test_unknown_servers(fleet: MakeFleet) -> None:
    """Each unknown name is an error of its own, with the nearest one."""
    one = make_served(fleet)
    assert refuse(one, "worker", "--servers", "mian,main,") == (
        "error: --servers: unknown server 'mian', expected main\nhint: did you mean 'main'?\n"
        "error: --servers: unknown server '', expected main\n"
    )


def test_idle_options(fleet: MakeFleet) -> None:
    """Options that would have no effect are refused: a run's connection strings are not those of its workers."""
    one = make_served(fleet)
    assert refuse(one, "worker", "--set-up", "--servers", "main") == ("error: --servers: has no effect with --set-up\n")
    said = refuse(one, *RUN, "--server", f"main={one.server} password=hidden")
    assert said == (
        "error: --server main=...: has no effect with --engine procrastinate: workers have connection strings of their"
        " own\nhint: give it to the workers\n"
    )


def test_a_control_database_that_is_away(fleet: MakeFleet) -> None:
    """A control database that cannot be reached is exit code 5, before any tenant is touched."""
    one = fleet(files=FILES, master=MASTER_FILES, settings="workers: {database: host=/nowhere dbname=x user=y}\n")
    for words in (("worker",), ("worker", "--set-up"), RUN):
        assert "/nowhere" in refuse(one, *words, code=5)


def test_a_database_of_its_own(fleet: MakeFleet) -> None:
    """The control database may be any other, with a schema of any name; the master then has nothing of it."""
    one = fleet(master=MASTER_FILES)
    text = (one.folder / "tenants.yaml").read_text()
    place = f"workers: {{database: {one.server} dbname={one.database('16')}, schema: studio_workers}}\n"
    (one.folder / "tenants.yaml").write_text(text + place)
    done = one.run("worker", "--set-up")
    assert done.out == f"created schema studio_workers of database {one.database('16')}\n"
    again = one.run("worker", "--set-up")
    assert (again.code, again.out) == (0, f"schema studio_workers of database {one.database('16')} already exists\n")
    assert one.query("master", "SELECT count(*) FROM pg_namespace WHERE nspname LIKE '%workers'") == [(0,)]
