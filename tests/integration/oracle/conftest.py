"""The servers that the oracle asks."""

from pathlib import Path

import pytest

from tenantry.postgres.embedded.cluster import EmbeddedServer
from tests.fix_postgres import binaries_of, each_major
from tests.integration.oracle.round_trip import Oracle


@pytest.fixture(params=each_major("17", "18", "system"))
def oracle(request: pytest.FixtureRequest) -> Oracle:
    """Return the oracle on each server of the run in turn."""
    names = {"17": "server17", "18": "server18", "system": "server_system"}
    server: EmbeddedServer = request.getfixturevalue(names[request.param])
    return Oracle(server.dsn(), Path(binaries_of(request.param)))


@pytest.fixture
def oracle17(server17: EmbeddedServer) -> Oracle:
    """Return the oracle on PostgreSQL 17."""
    return Oracle(server17.dsn(), Path(binaries_of("17")))
