"""Why a server takes no connection: whether it makes sense to try again, and where the mistake is."""

import pytest

from tenantry.model.errors import Refused, Unreachable
from tenantry.postgres.refusals import explain_refusal

# As libpq and servers word what lies in the connection string.
STRINGS = {
    "no ssl": "connection failed: server does not support SSL, but SSL was required",
    "no root": 'root certificate file "/no" does not exist',
    "certificate": "SSL error: certificate verify failed",
    "another host": 'server certificate for "a" does not match host name "b"',
    "option": 'connection failed: FATAL:  unrecognized configuration parameter "foo"',
    "no value": "connection failed: FATAL:  -c foo requires a value",
    "port": 'invalid port number: "99999"',
    "number": 'invalid integer value "abc" for connection option "port"',
    "word": 'invalid sslmode value: "none"',
}
AWAY = {
    "refused": "Connection refused",
    "no socket": 'connection to server on socket "/x" failed: No such file or directory',
    "starting": "the database system is starting up",
    "no host": "failed to resolve host 'db': [Errno -2] Name or service not known",
}


@pytest.mark.parametrize("reason", STRINGS.values(), ids=STRINGS)
def test_a_wrong_connection_string(reason: str) -> None:
    """A mistake in the connection string is refused: trying again would never help."""
    error = explain_refusal(reason, "main", "ann", "")
    assert type(error) is Refused
    assert (str(error), error.hint) == (f"server 'main': {reason}", "correct 'main' under servers in tenants.yaml")


@pytest.mark.parametrize("reason", AWAY.values(), ids=AWAY)
def test_a_server_that_is_away(reason: str) -> None:
    """A server that does not answer may do so later."""
    assert type(explain_refusal(reason, "main", "ann", "")) is Unreachable


@pytest.mark.parametrize(
    "reason", ["Connection refused", "password authentication failed", 'database "x" does not exist']
)
def test_the_place_of_a_connection_string(reason: str) -> None:
    """A hint names the connection string where the project has it."""
    hint = explain_refusal(reason, "main", "ann", "", entry="database in tenants.yaml").hint
    assert "database in tenants.yaml" in hint
    assert "servers" not in hint
