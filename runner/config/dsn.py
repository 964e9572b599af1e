"""Connection strings: references to the environment, libpq's reading of them, and which of them share a server.

No message shows a connection string, since it may hold a password.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from tenantry.config.advice import advise
from tenantry.config.model import Mistake
from tenantry.model import Server
from tenantry.model.words import one_of

EXPECTED = "embedded, key=value pairs or a postgresql:// URL"

EMBEDDED = "embedded"

# libpq itself checks these only when it connects: such a mistake would pass for a server that is away.
_CHOICES = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "sslnegotiation": ("postgres", "direct"),
    "load_balance_hosts": ("disable", "random"),
}
_WHOLE = ("connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count")
_HIGHEST_PORT = 65535

VARIABLE_PREFIX = "TENANTRY_SERVER_"

_REFERENCE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}|\{)")

# Stand for the references while libpq parses the string around them, so that no value needs quoting.
_FIRST_MARK = 0xE000

_MARKS = re.compile("[\ue000-\uf8ff]")


class ServerConnection(NamedTuple):
    """A server, the endpoint that tells it from others, and whether tenants.yaml holds its password in clear text.

    `database` is the one that its connection string names, empty if it names none.
    """

    server: Server
    endpoint: tuple[str, ...]
    in_clear: bool = False
    database: str = ""


def name_variable(server: str) -> str:
    """Return the variable that overrides a server's connection string."""
    return VARIABLE_PREFIX + server.upper().replace("-", "_")


def connect(name: str, dsn: str) -> ServerConnection | Mistake:
    """Return the server that a connection string without references leads to."""
    if dsn.strip() == EMBEDDED:
        return ServerConnection(Server(name, None), (EMBEDDED,))
    if not dsn.strip():
        return Mistake(f"empty, expected {EXPECTED}")
    options = _parse_options(dsn)
    if options is None:
        return Mistake(f"malformed connection string, expected {EXPECTED}", advise(dsn, (EMBEDDED,)))
    if wrong := _find_wrong(options):
        return wrong
    return ServerConnection(
        Server(name, dsn), _find_endpoint(options), _is_in_clear(options), options.get("dbname", "")
    )


def expand(name: str, text: str, env: Mapping[str, str]) -> ServerConnection | Mistake:
    """Return the server that a connection string leads to, with its references looked up in `env`.

    A reference that is the whole string is replaced by a whole connection string. Any other is replaced by text
    within one value: its blanks, quotes, @ and % need no escaping. A default also replaces an empty variable.
    """
    references = [match for match in _REFERENCE.finditer(text) if not match["dollar"]]
    if any(match["name"] is None for match in references):
        return Mistake("malformed reference, expected ${NAME} or ${NAME:-default}")
    unset = [match["name"] for match in references if match["default"] is None and match["name"] not in env]
    if unset:
        shown = ", ".join(f"${{{variable}}}" for variable in dict.fromkeys(unset))
        return Mistake(
            f"{shown} not set, expected a value in the environment",
            f"set it, or give a whole connection string in {name_variable(name)} or with --server {name}=...",
        )
    values = [env.get(match["name"], "") or match["default"] or "" for match in references]
    if len(references) == 1 and references[0][0] == text.strip():
        found = connect(name, values[0])
        # A default stands in the file, so that its password does; a variable's does not.
        given = bool(env.get(references[0]["name"]))
        if isinstance(found, Mistake):
            return found
        server = replace(found.server, password_from=references[0]["name"] if given else "")
        return found._replace(server=server, in_clear=found.in_clear and not given)
    marks = iter(range(_FIRST_MARK, _FIRST_MARK + len(references)))
    template = _REFERENCE.sub(lambda match: "$" if match["dollar"] else chr(next(marks)), text)
    return _fill(name, template, values, references)


def expand_text(text: str, env: Mapping[str, str]) -> str | None:
    """Return a text with its references replaced by the values in `env`; None if one of them has no value."""
    unknown = False

    def look_up(found: re.Match[str]) -> str:
        nonlocal unknown
        value = "$" if found["dollar"] else env.get(found["name"] or "", "") or found["default"] or ""
        unknown = unknown or not value
        return value

    expanded = _REFERENCE.sub(look_up, text)
    return None if unknown else expanded


def _fill(
    name: str, template: str, values: Sequence[str], references: Sequence[re.Match[str]]
) -> ServerConnection | Mistake:
    """Return the server that `template` leads to; one mark of `_MARKS` stands in it for each of `values`."""
    if not values:
        return connect(name, template)
    options = _parse_options(template)
    if options is None:
        hint = advise(template, (EMBEDDED,)) or "use a reference for one value, or for the whole connection string"
        return Mistake(f"malformed connection string, expected {EXPECTED}", hint)
    filled = _replace_marks(options, values)
    if wrong := _find_wrong(filled):
        return wrong
    dsn = _join_options(filled)
    if dsn is None:
        return Mistake("a value that libpq does not accept, expected text in UTF-8")
    defaults = [match["default"] or "" for match in references]
    variables = _replace_marks({"password": options.get("password", "")}, [match["name"] for match in references])
    # A password that is written in part, or not as a reference, is no variable's.
    known = variables["password"] if variables["password"] in {match["name"] for match in references} else ""
    server = Server(name, dsn, password_from=known)
    in_clear = _is_in_clear(_replace_marks(options, defaults))
    return ServerConnection(server, _find_endpoint(filled), in_clear, filled.get("dbname", ""))


def _find_wrong(options: Mapping[str, str]) -> Mistake | None:
    """Return a value that no server can be reached with; it is not shown, since a misplaced password may stand there.

    An empty value is libpq's default, and several hosts have a port each.
    """
    for port in filter(None, options.get("port", "").split(",")):
        if not re.fullmatch(r"\s*[0-9]{1,5}\s*", port) or not 0 < int(port) <= _HIGHEST_PORT:
            return Mistake(f"invalid port, expected a number from 1 to {_HIGHEST_PORT}")
    for key, words in _CHOICES.items():
        if options.get(key) and options[key] not in words:
            return Mistake(f"unknown value of {key}, expected {one_of(words)}")
    for key in _WHOLE:
        if options.get(key) and not re.fullmatch(r"\s*-?[0-9]{1,9}\s*", options[key]):
            return Mistake(f"{key} is not a number, expected a whole one")
    return None


def _replace_marks(options: Mapping[str, str], values: Sequence[str]) -> dict[str, str]:
    by_mark = {chr(_FIRST_MARK + index): value for index, value in enumerate(values)}
    return {key: _MARKS.sub(lambda mark: by_mark.get(mark[0], mark[0]), option) for key, option in options.items()}


def _parse_options(dsn: str) -> dict[str, str] | None:
    """Return the options in a connection string, as libpq reads it; None if libpq refuses or misreads it.

    libpq's own message is not passed on: it shows parts of the string. libpq would ignore text after a NUL.
    """
    if "\0" in dsn:
        return None
    from psycopg import ProgrammingError  # 150 ms that an embedded server should not cost
    from psycopg.conninfo import conninfo_to_dict

    try:
        options = {key: str(value) for key, value in conninfo_to_dict(dsn).items()}
    except (ProgrammingError, UnicodeError):
        return None
    # libpq cuts a URL at its first @: what follows in a host is the rest of a password that should have had %40.
    return None if "@" in options.get("host", "")[1:] else options


def _join_options(options: Mapping[str, str]) -> str | None:
    from psycopg import ProgrammingError
    from psycopg.conninfo import make_conninfo

    try:
        return make_conninfo("", **options)
    except (ProgrammingError, UnicodeError):
        return None


def _is_in_clear(options: Mapping[str, str]) -> bool:
    return any(options.get(key) for key in ("password", "sslpassword"))


def _find_endpoint(options: Mapping[str, str]) -> tuple[str, ...]:
    """Return the endpoint that all connection strings to one server share, as far as the strings alone can tell."""
    host = options.get("hostaddr") or options.get("host") or ""
    return options.get("service") or "", host.lower(), options.get("port") or "5432"
