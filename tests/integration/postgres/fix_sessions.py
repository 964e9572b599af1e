"""Connections of the runner, as the tests of sessions open them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from psycopg import sql

from tenantry.postgres.sessions import Connection
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import make_sessions, make_tenant


@pytest.fixture
def opened(database: MakeDatabase) -> Iterator[Callable[..., Connection]]:
    """Return a callable that opens connections of the runner to one database, closed after the test."""
    dsn = database()
    with ExitStack() as stack:

        def connect(**settings: Any) -> Connection:
            return stack.enter_context(make_sessions(dsn, **settings).connect(make_tenant(dsn)))

        yield connect


def show(connection: Connection, setting: str) -> str:
    """Return the value of a setting."""
    row = connection.execute(sql.SQL("SHOW {}").format(sql.Identifier(setting))).fetchone()
    assert row is not None
    return str(row[0])
