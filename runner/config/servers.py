"""The servers of this environment: an argument overrides a variable, which overrides tenants.yaml."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tenantry.config.document import Document
from tenantry.config.dsn import VARIABLE_PREFIX, ServerConnection, connect, expand, name_variable
from tenantry.config.model import Mistake
from tenantry.config.schema import ServerEntry
from tenantry.model import Server
from tenantry.model.words import nearest, one_of

IN_CLEAR = Mistake(
    "a password in clear text, expected one from outside this file",
    "write password=${NAME}, or use a libpq password file or service file",
)

_NO_POOLER = Mistake("a direct connection, expected none: the embedded server has no pooler", "remove it")
_NO_COMMAND = Mistake("password-ttl without password-command, expected both", "remove it")
_NO_PASSWORD = Mistake("password-command for an embedded server, expected none: it has no passwords", "remove it")
_NOT_EMBEDDED = Mistake("embedded, expected key=value pairs or a postgresql:// URL, bypassing the pooler in dsn")


def read_servers(
    document: Document,
    given: Mapping[str, str | ServerEntry],
    env: Mapping[str, str],
    overrides: Mapping[str, str],
    connections: int | None = None,
) -> dict[str, ServerConnection]:
    """Return the servers by name, and note their mistakes. `connections` counts for those without a number."""
    _check_overrides(document, list(given), env, overrides)
    found = {
        name: _read_server(document, name, entry, env, _find_override(name, env, overrides))
        for name, entry in given.items()
    }
    return {name: _limit(connection, connections) for name, connection in found.items()}


def _limit(found: ServerConnection, connections: int | None) -> ServerConnection:
    server = found.server
    return found._replace(server=replace(server, connections=server.connections or connections))


def _check_overrides(
    document: Document, names: Sequence[str], env: Mapping[str, str], overrides: Mapping[str, str]
) -> None:
    for name in overrides:
        if name not in names:
            # A connection string given without its name would arrive here as the name.
            shown = f" {name}" if re.fullmatch(r"[\w-]+", name) else ""
            mistake = Mistake(f"unknown server, expected {one_of(names)}", nearest(name, names) if shown else "")
            document.refuse_argument(f"--server{shown}", mistake)
    by_variable: dict[str, str] = {}
    for name in names:
        variable = name_variable(name)
        first = by_variable.setdefault(variable, name)
        if first != name:
            what = f"{first!r} and {name!r} share the variable {variable}"
            mistake = Mistake(f"{what}, expected names that differ in more than case, - and _")
            document.refuse(("servers", name), mistake, key=True)
    # A misspelt variable would leave the server of the file in force, perhaps the wrong one.
    for variable in env:
        if variable.startswith(VARIABLE_PREFIX) and variable not in by_variable:
            mistake = Mistake(f"unknown server, expected {one_of(by_variable)}", nearest(variable, by_variable))
            document.refuse_argument(variable, mistake)


def _find_override(name: str, env: Mapping[str, str], overrides: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the source of the server's connection string, and the string; None: it comes from the file."""
    if name in overrides:
        return f"--server {name}", overrides[name]
    variable = name_variable(name)
    return (variable, env[variable]) if variable in env else None


def _read_server(
    document: Document,
    name: str,
    entry: str | ServerEntry,
    env: Mapping[str, str],
    override: tuple[str, str] | None,
) -> ServerConnection:
    """Return the server; if its connection string is unusable, note that and return a server unlike any other."""
    text, at = (entry, ()) if isinstance(entry, str) else (entry.dsn, ("dsn",))
    match connect(name, override[1]) if override else expand(name, text, env):
        case ServerConnection() as found:
            if found.in_clear and not override:
                document.warn(("servers", name, *at), IN_CLEAR)
            if isinstance(entry, str):
                return found
            # A user who overrides the server does not mean the direct way to the server in the file.
            direct = None if override else _read_direct(document, name, entry.direct, env, found.server)
            found = _add_rest(found, entry, direct)
            return found if override else _add_command(document, name, found, entry)
        case mistake:
            if override:
                document.refuse_argument(override[0], mistake)
            else:
                document.refuse(("servers", name, *at), mistake)
    # Nobody connects to it, since the problem ends the run; an endpoint of its own keeps it out of the clashes.
    return ServerConnection(Server(name, None), ("unknown", name))


def _read_direct(document: Document, name: str, text: str | None, env: Mapping[str, str], server: Server) -> str | None:
    """Return the connection string that bypasses a server's pooler, or None, and note its mistakes."""
    if text is None:
        return None
    at = ("servers", name, "direct")
    found = expand(name, text, env)
    if isinstance(found, Mistake):
        document.refuse(at, found)
        return None
    if server.embedded:
        document.refuse(at, _NO_POOLER)
    elif found.server.embedded:
        document.refuse(at, _NOT_EMBEDDED)
    if found.in_clear:
        document.warn(at, IN_CLEAR)
    return found.server.dsn


def _add_command(document: Document, name: str, found: ServerConnection, entry: ServerEntry) -> ServerConnection:
    """Return the server with the command for its password, and note its mistakes."""
    if entry.password_ttl and not entry.password_command:
        document.refuse(("servers", name, "password-ttl"), _NO_COMMAND, key=True)
    if entry.password_command and found.server.embedded:
        document.refuse(("servers", name, "password-command"), _NO_PASSWORD, key=True)
    command = tuple(entry.password_command or ())
    return found._replace(server=replace(found.server, password_command=command, password_ttl_ms=entry.password_ttl))


def _add_rest(found: ServerConnection, entry: ServerEntry, direct: str | None) -> ServerConnection:
    """Return the server with the rest of its mapping."""
    rest = replace(
        found.server,
        lock_timeout_ms=entry.lock_timeout,
        direct=direct,
        environment=entry.environment or "",
        connections=entry.connections,
    )
    return found._replace(server=rest)
