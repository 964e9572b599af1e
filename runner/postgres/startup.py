"""What a connection is opened with: the user's connection string, and our settings where it has none of its own."""

import re
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import pq

from tenantry.model.reading import Reading

# Arbitrary, all of them: a server that falls silent is noticed within a minute, and a slow network is no such server.
_CONNECT_TIMEOUT_S = 10
_ALIVE = {"keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3", "tcp_user_timeout": "60000"}
# Overrides the server of a connection string with one that cannot exist, so that nothing is contacted.
_NOWHERE = {"host": "/nowhere/tenantry", "hostaddr": "", "port": "1"}


def parse(dsn: str) -> dict[str, Any]:
    """Return the parameters in a connection string, without those of its service or the environment."""
    return dict(psycopg.conninfo.conninfo_to_dict(dsn))


def resolve(dsn: str) -> dict[str, str]:
    """Return the parameters that libpq would connect with: the string's, its service's and the environment's.

    Only libpq reads a service file as libpq does, and only when it opens a connection: so one is begun, to nowhere.
    """
    begun = pq.PGconn.connect_start(psycopg.conninfo.make_conninfo(dsn, **_NOWHERE).encode())
    try:
        given = {option.keyword.decode(): option.val for option in begun.info}
    finally:
        begun.finish()
    return {name: value.decode(errors="replace") for name, value in given.items() if value and name not in _NOWHERE}


def compose_parameters(
    parameters: Mapping[str, Any], resolved: Mapping[str, str], ours: Mapping[str, str], reading: Reading
) -> dict[str, Any]:
    """Return the parameters of a connection, with settings of the server in its start-up packet.

    RESET ALL returns to the start-up packet, so that no migration can switch them off for the next one. `ours` are
    settings that the user may choose as well, and `reading` are those that nothing in the connection string changes.
    """
    defaults = {"connect_timeout": _CONNECT_TIMEOUT_S, **_ALIVE}
    added = {name: value for name, value in defaults.items() if not resolved.get(name)}
    # The last one counts: first the settings that the user may choose, last those that decide how SQL is read.
    options = (compose_options(ours), resolved.get("options", ""), compose_options(dict(reading)))
    return {**parameters, **added, "options": " ".join(filter(None, options))}


def compose_options(settings: Mapping[str, str]) -> str:
    """Return settings of the server as the start-up packet takes them."""
    return " ".join(f"-c {name}={_escape(value)}" for name, value in settings.items())


def _escape(value: str) -> str:
    return re.sub(r"([\\\s])", r"\\\1", value)
