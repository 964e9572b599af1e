"""The mistakes that pydantic finds, in our own words: the value found, and the value expected."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tenantry.config import dsn
from tenantry.config.document import Location, Plain
from tenantry.config.model import Mistake
from tenantry.model.byte_sizes import EXPECTED_SIZE
from tenantry.model.durations import EXPECTED_DURATION, EXPECTED_SPAN
from tenantry.model.rollout import EXPECTED_LIMIT
from tenantry.model.words import nearest, one_of

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# By the last names of a location, the longer one first; `*` is any name.
_EXPECTED = {
    "servers": "a mapping of names to connection strings",
    "servers.*": dsn.EXPECTED,
    "dsn": dsn.EXPECTED,
    "lock-timeout": EXPECTED_DURATION,
    "password-command": "a list of a program and its arguments",
    "password-command.*": "text on one line",
    "password-ttl": EXPECTED_DURATION,
    "environment": "production, or no such key",
    "connections": "a whole number, 1 or more",
    "servers.[key]": "a name with only letters, digits, _ and -",
    "master": "a mapping with server, database and migrations",
    "master.database": "the name of a database, without braces",
    "tenants": "a mapping with migrations, server, database and list, query or file",
    "ledger": "a mapping with schema",
    "migrations": "a folder",
    "values": "true or false",
    "dump": "a file",
    "server": "the name of a server",
    "database": "the name of a database, with no braces other than {id}",
    "master.role": "the name of a role, without braces",
    "role": "the name of a role, with no braces other than {id}",
    "list": "a list of at least one tenant",
    "query": "a SELECT statement",
    "file": "the path of a .csv or .jsonl file",
    "id": "an integer, or at most 63 letters, digits, _ and -",
    "name": "text on one line",
    "labels": "a mapping",
    "pin": "a version, such as 11",
    "freeze": "a mapping with until and reason",
    "until": "a day, such as 2026-12-31",
    "reason": "text on one line",
    "labels.*": "text",
    "labels.[key]": "text on one line",
    "schema": "the name of a schema",
    "session": "a mapping of settings to values",
    "session.array_nulls": "on or off",
    "session.check_function_bodies": "on or off",
    "session.transform_null_equals": "on or off",
    "session.*": "text on one line",
    "lint": "a mapping with small-table",
    "small-table": EXPECTED_SIZE,
    "proofs": "master or state",
    "drift": "a mapping with ignore and roles",
    "drift.ignore": "a list of objects to ignore",
    "ignore.*": "a mapping with name and, optionally, kind",
    "kind": "text on one line",
    "drift.roles": "a mapping of role names to words",
    "roles.*": "text on one line",
    "roles.[key]": "the name of a role, with no braces other than {id}",
    "rollout": "a mapping with max-failures and stages",
    "rollout.stages": "a list of at least one stage",
    "stages.*": "a mapping with name and, as needed, match, max-failures, verify, pause, gate and jobs",
    "max-failures": EXPECTED_LIMIT,
    "match": "the tenants of the stage, as after --tenants",
    "verify": "true or false",
    "pause": EXPECTED_SPAN,
    "gate": "a SELECT statement that returns true or false",
    "gate-command": "a list of the command and its arguments",
    "gate-command.*": "text on one line",
    "gate-timeout": EXPECTED_SPAN,
    "jobs": "a whole number, 1 or more",
    "notify": "a mapping with command or url and, as needed, timeout and failures-only",
    "notify.command": "a list of the command and its arguments",
    "command.*": "text on one line",
    "url": "an http:// or https:// address, or a reference such as ${OPS_WEBHOOK}",
    "timeout": EXPECTED_SPAN,
    "failures-only": "true or false",
    "expect": "a list of columns",
    "expect.*": "table.column, optionally followed by its type and not null",
}


def explain(detail: "ErrorDetails", keys: Sequence[str] = ()) -> Mistake:
    """Return one of pydantic's findings as a mistake. `keys` are the keys allowed in place of an unknown one."""
    location, value = detail["loc"], detail["input"]
    if detail["type"] == "extra_forbidden":
        key = str(location[-1])
        # Below a server, text that does not look like a key is a connection string, which may hold a password.
        shown = f" {key!r}" if location[0] != "servers" or re.fullmatch(r"[\w-]+", key) else ""
        return Mistake(f"unknown key{shown}, expected {one_of(keys)}", nearest(key, keys))
    expected = _expect(location)
    if detail["type"] in ("missing", "too_short"):
        return Mistake(f"{'missing' if detail['type'] == 'missing' else 'empty'}, expected {expected}")
    found = name_kind(value) if location[0] == "servers" else _name_value(value)
    quotable = isinstance(value, Plain) and value.kind in ("number", "boolean") and detail["type"] == "string_type"
    return Mistake(f"{found}, expected {expected}", "put it in quotes if it is meant as text" if quotable else "")


def name_kind(value: object) -> str:
    """Return the kind of `value` without showing it."""
    match value:
        case Plain("nothing" | "NULL" as kind, _):
            return kind
        case Plain(kind, _):
            return f"a {kind}"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case str():
            return "text"
    return f"a value of type {type(value).__name__}"


def _name_value(value: object) -> str:
    match value:
        case Plain("number" | "boolean" as kind, text):
            return f"the {kind} {text}"
        case str():
            return repr(value)
    return name_kind(value)


def _expect(location: Location) -> str:
    *_, above, parent, name = ("", "", *map(str, location))
    parent = above if name == "[key]" else parent
    keys = (f"{parent}.{name}", f"{parent}.*", name)
    return next((_EXPECTED[key] for key in keys if key in _EXPECTED), "something else")
