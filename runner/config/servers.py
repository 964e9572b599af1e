"""Which servers there are in this environment: an argument wins over a variable, which wins over tenants.yaml."""

import re
from collections.abc import Mapping, Sequence

from runner.config.document import Document
from runner.config.dsn import VARIABLE_PREFIX, Connection, connect, expand, name_variable
from runner.config.model import Mistake
from runner.model import Server
from runner.selection import nearest, one_of

_IN_CLEAR = Mistake(
    "a password in clear, expected it from outside this file",
    "write password=${NAME}, or use a passfile or a service of libpq",
)


def read_servers(
    document: Document, texts: Mapping[str, str], env: Mapping[str, str], overrides: Mapping[str, str]
) -> dict[str, Connection]:
    """Return the servers of `texts`, connection strings by name; what is wrong with them is noted."""
    _check_overrides(document, list(texts), env, overrides)
    return {
        name: _read_server(document, name, text, env, _find_override(name, env, overrides))
        for name, text in texts.items()
    }


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
    for variable in env:
        if variable.startswith(VARIABLE_PREFIX) and variable not in by_variable:
            mistake = Mistake(f"unknown server, expected {one_of(by_variable)}", nearest(variable, by_variable))
            document.refuse_argument(variable, mistake)


def _find_override(name: str, env: Mapping[str, str], overrides: Mapping[str, str]) -> tuple[str, str] | None:
    """Return where the connection string of the server comes from, and the string; None: from the file."""
    if name in overrides:
        return f"--server {name}", overrides[name]
    variable = name_variable(name)
    return (variable, env[variable]) if variable in env else None


def _read_server(
    document: Document, name: str, text: str, env: Mapping[str, str], override: tuple[str, str] | None
) -> Connection:
    """Return the server; one that is like no other where its connection string cannot be used, which is noted."""
    match connect(name, override[1]) if override else expand(name, text, env):
        case Connection() as found:
            if found.in_clear and not override:
                document.warn(("servers", name), _IN_CLEAR)
            return found
        case mistake:
            if override:
                document.refuse_argument(override[0], mistake)
            else:
                document.refuse(("servers", name), mistake)
    return Connection(Server(name, None), ("unknown", name))
