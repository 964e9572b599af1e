"""Servers that are starting: waited for, up to a limit, with a word on it."""

from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from tenantry.model.errors import NoDatabase, Unreachable
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tenantry.postgres.waiting import Patience
from tests.integration.fix_site import make_sessions, make_tenant


def never() -> bool:
    return False


@pytest.mark.slow
def test_a_server_that_starts_late(own_server: EmbeddedServer) -> None:
    """A server that starts while it is waited for is found, and whoever waits is told so once."""
    sessions, told = make_sessions(own_server.dsn()), []
    own_server.stop()

    def start(line: str, values: dict[str, Any]) -> None:
        told.append((line, values["server"], values["wait_s"]))
        own_server.start()

    Patience(60, start).await_servers(sessions, ["main"], never)
    ((line, *values),) = told
    assert line.startswith("waiting for server 'main', 0 of 60 s: connection to server on socket ")
    assert values == ["main", 60]
    with sessions.connect_to("main", "postgres") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_server_that_never_starts(tmp_path: Path) -> None:
    """After the limit, the error of whoever connects names the wait and how to prolong it; nobody waits again."""
    dsn, told = f"host={tmp_path} dbname=studio", []
    sessions, patience = make_sessions(dsn), Patience(0.1, lambda line, _: told.append(line))
    patience.await_servers(sessions, ["main", "main"], never)
    assert len(told) == 1
    with pytest.raises(Unreachable) as caught, sessions.connect(make_tenant(dsn)):
        pass
    assert str(caught.value).startswith(
        "server 'main': waited 0.1 s for it without success: connection to server on socket "
    )
    assert caught.value.hint == (
        "start the server, raise --wait, or correct 'main' under servers in tenants.yaml; "
        "then run the same command again"
    )


def test_a_run_that_ends(tmp_path: Path) -> None:
    """A run that is to end waits for nothing, and its error names no wait."""
    sessions = make_sessions(f"host={tmp_path}")
    Patience(60).await_servers(sessions, ["main"], lambda: True)
    assert sessions.waited_s == {}


def test_a_refusal_is_an_answer(server17: EmbeddedServer) -> None:
    """A server that refuses is there: neither a database nor a role appears by waiting."""
    for options in ({"dbname": "nosuch"}, {"user": "nosuch"}):
        sessions = make_sessions(make_conninfo(server17.dsn(), **options))
        # A wait would end at the limit of the test.
        Patience(3600).await_servers(sessions, ["main"], never)
        assert sessions.waited_s == {}
    with pytest.raises(NoDatabase), make_sessions(server17.dsn()).connect_to("main", "nosuch"):
        pass
