"""Batches on their way to the workers, over a connection to the control database that is lost in between."""

import uuid

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tenantry.fleet.brake import Budget, make_brake
from tenantry.fleet.stop import Stop
from tenantry.fleet.turns import Load
from tenantry.fleet.workers import procrastinate
from tenantry.fleet.workers.control import Control
from tenantry.fleet.workers.coordinator import Coordinator
from tenantry.fleet.workers.dispatch import Dispatch, Outgoing
from tenantry.model import Server, SetName, Tenant
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import make_sessions

SCHEMA = "tenantry_workers"


@pytest.fixture
def run(database: MakeDatabase) -> Coordinator:
    """Return a run whose control database is real, and has the tables of workers."""
    dsn = database()
    control = Control(make_sessions(dsn), "main", str(conninfo_to_dict(dsn)["dbname"]), SCHEMA)
    assert control.set_up(procrastinate.read_schema(), procrastinate.VERSION)
    return Coordinator(control, str(uuid.uuid4()), {}, lambda tenant: tenant.server.name, procrastinate.defer)


def make_dispatch(run: Coordinator, *names: str) -> tuple[Dispatch, Outgoing]:
    """Return the dispatch of a stage, and all of its tenants."""
    tenants = tuple(Tenant(name, SetName.TENANT, Server("main", ""), f"studio_{name}") for name in names)

    def job(tenant: Tenant) -> None:
        raise AssertionError(f"{tenant.name} is the workers' to do")

    load = Load(tenants, job, 2, Stop(), make_brake(Budget(), tenants))  # type: ignore[arg-type]  # never called
    return Dispatch(run, load), Outgoing(tenants)


def send(run: Coordinator, dispatch: Dispatch, group: Outgoing) -> list[int]:
    """Send a group out, and return the numbers of its jobs."""
    with run.control.open() as connection:
        dispatch.send(connection, group.tenants, group)
    return list(dispatch.sent)


def lose(run: Coordinator, dispatch: Dispatch, group: Outgoing) -> None:
    """Lose the connection before anything is sent."""
    connection = run.control.open()
    connection.close()
    with pytest.raises(psycopg.OperationalError):
        dispatch.send(connection, group.tenants, group)


@pytest.mark.parametrize("names", [("3", "4"), ("1", "2")], ids=["others", "the same in a second turn"])
def test_a_later_group(run: Coordinator, names: tuple[str, ...]) -> None:
    """A group that did not go out is not taken for one because the run had batches before, even of the same tenants."""
    first, group = make_dispatch(run, "1", "2")
    done = send(run, first, group)
    later, group = make_dispatch(run, *names)
    lose(run, later, group)
    with run.control.open() as connection:
        assert not later.find(connection, group)
    assert later.sent == {}
    assert not set(send(run, later, group)) & set(done)


def test_found_again(run: Coordinator) -> None:
    """A group that went out before its connection was lost is found again as it went out, and is not sent twice."""
    dispatch, group = make_dispatch(run, "1", "2")
    jobs = send(run, dispatch, group)
    # All that the run knows of it is lost with the answer.
    run.jobs.clear()
    again, group = make_dispatch(run, "1", "2")
    lose(run, again, group)
    with run.control.open() as connection:
        assert again.find(connection, group)
        assert not again.find(connection, group)
    assert list(again.sent) == jobs
    assert [sent.lock for sent in again.sent.values()] == [sent.lock for sent in dispatch.sent.values()]
