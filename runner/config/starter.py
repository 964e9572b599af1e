"""The files of a new project, as text: what `init` writes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tenantry.model.tenants import SINGLE

CONFIG, SCHEMA = "tenants.yaml", "tenants.schema.json"
_FIRST = "0000_first_tables.sql"

_HEAD = f"""\
# yaml-language-server: $schema={SCHEMA}
# The databases of this project. "tenantry tenants" shows how this file is understood, and tries each connection.
"""
_SERVER = """
servers:
  # "embedded" is the PostgreSQL server that tenantry runs itself; its data is in .tenantry next to this file.
  # A server of your own is a libpq connection string. ${NAME} is a variable of the environment:
  #   main: host=db.example.org user=deploy password=${DB_PASSWORD}
  main: %(dsn)s
"""
_MASTER = """
# Migrated before all tenants. If there is no such database, delete these lines and the folder migrations/master.
master:
  server: main
  database: %(name)s_master
  migrations: migrations/master
"""
_TENANTS = """
tenants:
  migrations: migrations/tenant
  server: main
  database: '%(pattern)s'
  # A tenant is an id, or a mapping with id and, as needed, name, database, server and labels.
  list:
%(list)s
"""
_QUERY = """\
  # Instead of the list, a query on the master; its columns are the same keys:
  # query: SELECT id, name, database FROM tenants ORDER BY id
"""
_DATABASE = f"""
{SINGLE}:
  # "embedded" is the PostgreSQL server that tenantry runs itself; its data is in .tenantry next to this file.
  # Anything else is a libpq connection string. ${{NAME}} is a variable of the environment.
  dsn: %(dsn)s
  # Counts where the connection string names no database.
  name: '%(name)s'
  migrations: migrations
"""
_TABLES = """\
-- The first tables: an example, to be replaced with your own.

CREATE TABLE customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);
"""
_CHECK = """\
-- from: 0000
-- A check only reads. It holds if it returns no row, or one that is true; "tenantry verify" runs it in each database.
SELECT count(*) = count(DISTINCT lower(email)) FROM customers;
"""
_REGISTRY = """\
-- The tenants of this application. As a query in tenants.yaml, this table can take the place of the list there.

CREATE TABLE tenants (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    database text NOT NULL UNIQUE
);
"""


@dataclass(frozen=True, slots=True)
class Starter:
    """The files of a new project by their paths, and the folder with the migrations of its databases."""

    migrations: str
    files: Mapping[str, str] = field(repr=False)


def make_fleet(name: str, dsn: str) -> Starter:
    """Return a fleet of two tenants and a master, with an example in each folder; `name` begins their databases."""
    rows = "    - 1\n    - {id: 2, name: Second tenant, labels: {tier: internal}}"
    text = _TENANTS % {"pattern": f"{name}_{{id}}", "list": rows}
    config = f"{_HEAD}{_SERVER % {'dsn': dsn}}{_MASTER % {'name': name}}{text}{_QUERY}"
    master = {"migrations/master/0000_tenants.sql": _REGISTRY}
    return Starter("migrations/tenant", {CONFIG: config, **master, **_list_examples("migrations/tenant")})


def make_single(name: str, dsn: str) -> Starter:
    """Return a project of one database, with an example."""
    config = _HEAD + _DATABASE % {"dsn": dsn, "name": _quote(name)}
    return Starter("migrations", {CONFIG: config, **_list_examples("migrations")})


def adopt_fleet(database: str, dsn: str) -> Starter:
    """Return a fleet whose first tenant is a database that exists, without migrations."""
    ending = re.fullmatch(r"(.*[^0-9])([0-9]+)", database)
    # Only a number is surely an id. Any other name is the whole of it, and the pattern is for the next ones.
    pattern, name = (f"{ending[1]}{{id}}", ending[2]) if ending and ending[2] == str(int(ending[2])) else ("{id}", "")
    row = f"    - {name}" if name else f"    - {{id: first, database: '{_quote(database)}'}}"
    text = _TENANTS % {"pattern": _quote(pattern), "list": row}
    return Starter("migrations/tenant", {CONFIG: f"{_HEAD}{_SERVER % {'dsn': dsn}}{text}"})


def adopt_single(database: str, dsn: str) -> Starter:
    """Return a project of one database that exists, without migrations."""
    return Starter("migrations", {CONFIG: _HEAD + _DATABASE % {"dsn": dsn, "name": _quote(database)}})


def write_dsn(options: Mapping[str, str]) -> str:
    """Return a connection string as tenants.yaml holds it: without a database, its password from the environment."""
    parts = [f"{key}={_escape(value)}" for key, value in options.items() if key not in ("dbname", "password")]
    if options.get("password"):
        parts.append(f"password=${{{PASSWORD}}}")
    return f"'{_quote(' '.join(parts))}'" if parts else "'host=/var/run/postgresql'"


PASSWORD = "DB_PASSWORD"  # noqa: S105 - the name of a variable


def name_databases(folder: str) -> str:
    """Return the beginning of the names of databases, from the name of a folder."""
    name = re.sub(r"[^a-z0-9]+", "_", folder.lower()).strip("_")
    return name[:40] if re.match(r"[a-z]", name) else "app"


def _list_examples(folder: str) -> dict[str, str]:
    return {f"{folder}/{_FIRST}": _TABLES, f"{folder}/checks/customers.sql": _CHECK}


def _escape(value: str) -> str:
    """Return a value for a connection string in tenants.yaml, where a dollar sign is doubled."""
    value = value.replace("$", "$$")
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    return value if re.fullmatch(r"[^\s'\\]+", value) else f"'{quoted}'"


def _quote(text: str) -> str:
    """Return text for single quotes in YAML."""
    return text.replace("'", "''")
