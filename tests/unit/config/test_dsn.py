"""The values in connection strings that no server can be reached with, before one is tried."""

import pytest

from tenantry.config.dsn import ServerConnection, connect, expand
from tenantry.config.model import Mistake

PORT = "invalid port, expected a number from 1 to 65535"
SSL = "unknown value of sslmode, expected one of disable, allow, prefer, require, verify-ca, verify-full"
WRONG = {
    "a word as a port": ("host=h port=abc", PORT),
    "no such port": ("host=h port=99999", PORT),
    "port zero": ("host=h port=0", PORT),
    "of a url": ("postgresql://h:abc/d", PORT),
    "one of several": ("host=a,b port=5432,x", PORT),
    "sslmode": ("host=h sslmode=on", SSL),
    "timeout": ("host=h connect_timeout=5s", "connect_timeout is not a number, expected a whole one"),
    "session": (
        "host=h target_session_attrs=master",
        "unknown value of target_session_attrs, expected one of any, read-write, read-only, primary, standby, "
        "prefer-standby",
    ),
}
RIGHT = {
    "ports": "host=a,b port=5432,5433",
    "a port left out": "host=a,b port=,5433",
    "spaces": "host=h port=' 5432 ' sslmode=require connect_timeout=-1",
    "empty": "host=h port='' sslmode=''",
    "service": "service=x",
}


@pytest.mark.parametrize(("dsn", "said"), WRONG.values(), ids=WRONG)
def test_wrong_values(dsn: str, said: str) -> None:
    """A value that libpq would refuse at each attempt is a mistake, whose text is not shown."""
    assert connect("main", dsn) == Mistake(said)


def test_a_wrong_value_from_the_environment() -> None:
    """A value of a variable is checked as well."""
    assert expand("main", "host=h port=${PORT}", {"PORT": "abc"}) == Mistake(PORT)


@pytest.mark.parametrize("dsn", RIGHT.values(), ids=RIGHT)
def test_right_values(dsn: str) -> None:
    """What libpq accepts is no mistake."""
    assert isinstance(connect("main", dsn), ServerConnection)
