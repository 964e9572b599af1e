"""What the tests of the configuration share: pieces of files, and what is wrong with the shape of one."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tenantry.config.model import Config
from tenantry.config.reading import parse, read
from tenantry.model.errors import ConfigError
from tests.places import ROOT

DATA = ROOT / "tests" / "data" / "config"
GOOD = sorted(DATA.glob("*.yaml"))
PATH = Path("tenants.yaml")

ENVIRONMENT = {"DB_PASSWORD": "s3cret @/'\\ %41", "US_URL": "postgresql://deploy:s3cret@db3.example.org/"}

SERVERS = "servers: {main: embedded}\n"
MASTER = "master: {server: main, database: rsm_master, migrations: m}\n"
TENANTS = "tenants:\n  migrations: t\n  server: main\n"
LIST = "  list: [1]\n"

ID = "expected an integer, or at most 63 letters, digits, _ and -"
COLUMN = "expected table.column, optionally followed by its type and not null"
DATABASE = "expected the name of a database, with no braces other than {id}"
CONNECTION = "expected embedded, key=value pairs or a postgresql:// URL"
SERVER_KEYS = "dsn, direct, lock-timeout, password-command, password-ttl, environment, connections"
TIME = "expected a time such as 500ms, 5s or 10min"
QUOTES = "put it in quotes if it is meant as text"
EXAMPLE = """\
servers:
  main: embedded
tenants:
  migrations: migrations/tenant
  server: main
  database: tenant_{id}
  list: [1, 2]"""

Said = list[str]


def parse_good(text: str, env: Mapping[str, str] | None = None, overrides: Mapping[str, str] | None = None) -> Config:
    """Parse a file that is expected to be right."""
    return parse(text, path=PATH, env=env or {}, overrides=overrides)


def refuse(text: str, env: Mapping[str, str] | None = None, overrides: Mapping[str, str] | None = None) -> Said:
    """Parse a file that is expected to be wrong, and return what is said."""
    with pytest.raises(ConfigError) as caught:
        parse(text, path=PATH, env=env or {}, overrides=overrides)
    return say(caught.value)


def say(error: ConfigError) -> Said:
    """Return the messages of an error, each with its hint behind a bar. What caused it is in no traceback."""
    assert error.__suppress_context__ or error.__context__ is None
    return [f"{problem.message} | {problem.hint}" if problem.hint else problem.message for problem in error.problems]


def refuse_file(path: Path) -> Said:
    """Read a file that is expected to be wrong, and return what is said, with `tenants.yaml` for its path."""
    with pytest.raises(ConfigError) as caught:
        read(path, env={})
    return [message.replace(str(path), "tenants.yaml") for message in say(caught.value)]


# An editor that knows the schema marks these as well.
SHAPES: dict[str, tuple[str, Said]] = {
    "nothing-there": (
        "{}",
        [
            "tenants.yaml:1:1: servers: missing, expected a mapping of names to connection strings",
            "tenants.yaml:1:1: tenants: missing,"
            " expected a mapping with migrations, server, database and list, query or file",
        ],
    ),
    "a-list": ("- 1\n", ["tenants.yaml:1:1: a list, expected a mapping with servers and tenants"]),
    "a-number": ("5\n", ["tenants.yaml:1:1: a number, expected a mapping with servers and tenants"]),
    "null": ("# c\n---\n", ["tenants.yaml:3:1: nothing, expected a mapping with servers and tenants"]),
    "unknown-section": (
        SERVERS + "mastr: {}\n" + TENANTS + LIST,
        [
            "tenants.yaml:2:1: unknown key 'mastr', expected one of"
            " servers, master, tenants, ledger, session, lint, drift, scratch, ... (16 in all) | did you mean 'master'?"
        ],
    ),
    "unknown-key-of-master": (
        SERVERS + "master: {server: main, databse: x, migrations: m}\n" + TENANTS + LIST,
        [
            "tenants.yaml:2:9: master.database: missing, expected the name of a database, without braces",
            "tenants.yaml:2:24: master: unknown key 'databse', expected one of server, database, migrations, role"
            " | did you mean 'database'?",
        ],
    ),
    "unknown-key-of-tenants": (
        SERVERS + TENANTS + LIST + "  wave: 1\n",
        [
            "tenants.yaml:6:3: tenants: unknown key 'wave', expected one of migrations, server, database, role, list,"
            " lock-timeout, query, file"
        ],
    ),
    "key-of-another-section": (
        SERVERS + "list: [1]\nledger: {server: main, small-table: 1 MB}\n" + TENANTS + LIST,
        [
            "tenants.yaml:2:1: unknown key 'list', expected one of servers, master, tenants, ledger, session, lint,"
            " drift, scratch, ... (16 in all) | write 'list' below 'tenants', indented",
            "tenants.yaml:3:10: ledger: unknown key 'server', expected one of schema, owner, values",
            "tenants.yaml:3:24: ledger: unknown key 'small-table', expected one of schema, owner, values"
            " | write 'small-table' below 'lint', indented",
        ],
    ),
    "section-in-another": (
        SERVERS + TENANTS + LIST + "  ledger: {schema: x}\n",
        [
            "tenants.yaml:6:3: tenants: unknown key 'ledger', expected one of migrations, server, database, role, list,"
            " lock-timeout, query, file | write 'ledger' at the top of the file, without indentation"
        ],
    ),
    "unknown-key-of-a-tenant": (
        SERVERS + TENANTS + "  list:\n    - 1\n    - id: 2\n      regoin: eu\n      lables: {}\n",
        [
            "tenants.yaml:8:7: tenants.list[1]: unknown key 'regoin',"
            " expected one of id, name, database, server, labels, lock-timeout, role, pin, ... (9 in all)",
            "tenants.yaml:9:7: tenants.list[1]: unknown key 'lables',"
            " expected one of id, name, database, server, labels, lock-timeout, role, pin, ... (9 in all)"
            " | did you mean 'labels'?",
        ],
    ),
    "unknown-key-of-ledger": (
        SERVERS + "ledger: {table: x}\n" + TENANTS + LIST,
        ["tenants.yaml:2:10: ledger: unknown key 'table', expected one of schema, owner, values"],
    ),
    "drift-of-wrong-type": (
        SERVERS + "drift: 5\nexpect: a.b\n" + TENANTS + LIST,
        [
            "tenants.yaml:2:8: drift: the number 5, expected a mapping with ignore and roles",
            "tenants.yaml:3:9: expect: 'a.b', expected a list of columns",
        ],
    ),
    "drift-of-nothing": (
        SERVERS + "drift:\nexpect:\n" + TENANTS + LIST,
        [
            "tenants.yaml:2:7: drift: nothing, expected a mapping with ignore and roles",
            "tenants.yaml:3:8: expect: nothing, expected a list of columns",
        ],
    ),
    "unknown-keys-of-drift": (
        SERVERS + "drift: {ignor: [], ignore: [{kind: index, nme: x}]}\n" + TENANTS + LIST,
        [
            "tenants.yaml:2:9: drift: unknown key 'ignor', expected one of ignore, roles | did you mean 'ignore'?",
            "tenants.yaml:2:29: drift.ignore[0].name: missing, expected text on one line",
            "tenants.yaml:2:43: drift.ignore[0]: unknown key 'nme', expected one of kind, name | did you mean 'name'?",
        ],
    ),
    "drift-ignore": (
        SERVERS + "drift: {ignore: [public.x, {kind: 5, name: ''}]}\n" + TENANTS + LIST,
        [
            "tenants.yaml:2:18: drift.ignore[0]: 'public.x', expected a mapping with name and, optionally, kind",
            f"tenants.yaml:2:35: drift.ignore[1].kind: the number 5, expected text on one line | {QUOTES}",
            "tenants.yaml:2:44: drift.ignore[1].name: '', expected text on one line",
        ],
    ),
    "drift-lists": (
        SERVERS + "drift: {ignore: x, roles: [a]}\n" + TENANTS + LIST,
        [
            "tenants.yaml:2:17: drift.ignore: 'x', expected a list of objects to ignore",
            "tenants.yaml:2:27: drift.roles: a list, expected a mapping of role names to words",
        ],
    ),
    "drift-roles": (
        SERVERS + "drift: {roles: {'app_{x}': 5, b: ''}}\n" + TENANTS + LIST,
        [
            "tenants.yaml:2:17: drift.roles: 'app_{x}', expected the name of a role, with no braces other than {id}",
            f"tenants.yaml:2:28: drift.roles.app_{{x}}: the number 5, expected text on one line | {QUOTES}",
            "tenants.yaml:2:34: drift.roles.b: '', expected text on one line",
        ],
    ),
    "expect": (
        SERVERS
        + "expect: [a.b, a, 5, '', a.B, a.b NOT NULL, 'a.b numeric(10,2) null', a.b.c.d, {a: b}]\n"
        + TENANTS
        + LIST,
        [
            f"tenants.yaml:2:15: expect[1]: 'a', {COLUMN}",
            f"tenants.yaml:2:18: expect[2]: the number 5, {COLUMN} | {QUOTES}",
            f"tenants.yaml:2:21: expect[3]: '', {COLUMN}",
            f"tenants.yaml:2:25: expect[4]: 'a.B', {COLUMN}",
            f"tenants.yaml:2:30: expect[5]: 'a.b NOT NULL', {COLUMN}",
            f"tenants.yaml:2:44: expect[6]: 'a.b numeric(10,2) null', {COLUMN}",
            f"tenants.yaml:2:70: expect[7]: 'a.b.c.d', {COLUMN}",
            f"tenants.yaml:2:79: expect[8]: a mapping, {COLUMN}",
        ],
    ),
    "server-name": (
        "servers: {main: embedded, c d: embedded, '': embedded}\n" + TENANTS + LIST,
        [
            "tenants.yaml:1:27: servers: text, expected a name with only letters, digits, _ and -",
            "tenants.yaml:1:42: servers: text, expected a name with only letters, digits, _ and -",
        ],
    ),
    "lock-timeouts": (
        "servers: {main: {dsn: embedded, lock-timeout: 3}}\n"
        "tenants: {migrations: t, server: main, lock-timeout: 0s, list: [{id: 1, lock-timeout: soon}, {id: 2,"
        " lock-timeout: 99999d}]}\n",
        [
            f"tenants.yaml:1:47: servers.main.lock-timeout: a number, {TIME}",
            f"tenants.yaml:2:54: tenants.lock-timeout: '0s', {TIME}",
            f"tenants.yaml:2:87: tenants.list[0].lock-timeout: 'soon', {TIME}",
            f"tenants.yaml:2:116: tenants.list[1].lock-timeout: '99999d', {TIME}",
        ],
    ),
    "keys-of-a-server": (
        "servers: {main: {host: x}, eu: {dsn: 5, lock-timeout: 3s}}\n" + TENANTS + LIST,
        [
            f"tenants.yaml:1:17: servers.main.dsn: missing, {CONNECTION}",
            f"tenants.yaml:1:18: servers.main: unknown key 'host', expected one of {SERVER_KEYS}",
            f"tenants.yaml:1:38: servers.eu.dsn: a number, {CONNECTION} | {QUOTES}",
        ],
    ),
    "sections-of-wrong-type": (
        "servers: embedded\nmaster: main\nledger: public\ntenants: [1, 2]\n",
        [
            "tenants.yaml:1:10: servers: text, expected a mapping of names to connection strings",
            "tenants.yaml:2:9: master: 'main', expected a mapping with server, database and migrations",
            "tenants.yaml:3:9: ledger: 'public', expected a mapping with schema",
            "tenants.yaml:4:10: tenants: a list,"
            " expected a mapping with migrations, server, database and list, query or file",
        ],
    ),
    "sections-of-nothing": (
        "servers:\nmaster:\nledger:\ntenants:\n",
        [
            "tenants.yaml:1:9: servers: nothing, expected a mapping of names to connection strings",
            "tenants.yaml:2:8: master: nothing, expected a mapping with server, database and migrations",
            "tenants.yaml:3:8: ledger: nothing, expected a mapping with schema",
            "tenants.yaml:4:9: tenants: nothing,"
            " expected a mapping with migrations, server, database and list, query or file",
        ],
    ),
    "empty": (
        "servers: {}\ntenants: {migrations: '', server: main, list: []}\n",
        [
            "tenants.yaml:1:10: servers: empty, expected a mapping of names to connection strings",
            "tenants.yaml:2:23: tenants.migrations: '', expected a folder",
            "tenants.yaml:2:47: tenants.list: empty, expected a list of at least one tenant",
        ],
    ),
    "values-of-wrong-type": (
        SERVERS + "ledger: {schema: [x]}\ntenants:\n  migrations: [t]\n  server: 5\n  database: true\n  list: 1\n",
        [
            "tenants.yaml:2:18: ledger.schema: a list, expected the name of a schema",
            "tenants.yaml:4:15: tenants.migrations: a list, expected a folder",
            f"tenants.yaml:5:11: tenants.server: the number 5, expected the name of a server | {QUOTES}",
            f"tenants.yaml:6:13: tenants.database: the boolean true, {DATABASE} | {QUOTES}",
            "tenants.yaml:7:9: tenants.list: the number 1, expected a list of at least one tenant",
        ],
    ),
    "query-of-wrong-type": (
        SERVERS + MASTER + TENANTS + "  query: [SELECT 1]\n",
        ["tenants.yaml:6:10: tenants.query: a list, expected a SELECT statement"],
    ),
    "query-blank": (
        SERVERS + MASTER + TENANTS + "  query: ' '\n",
        ["tenants.yaml:6:10: tenants.query: ' ', expected a SELECT statement"],
    ),
    "ids": (
        SERVERS + TENANTS + f"  list: [true, ~, 1.5, '', a b, é, [2], -1, {'x' * 64}, {{id: }}, {{name: x}}]\n",
        [
            f"tenants.yaml:5:10: tenants.list[0].id: the boolean true, {ID} | {QUOTES}",
            f"tenants.yaml:5:16: tenants.list[1].id: nothing, {ID}",
            f"tenants.yaml:5:19: tenants.list[2].id: '1.5', {ID}",
            f"tenants.yaml:5:24: tenants.list[3].id: '', {ID}",
            f"tenants.yaml:5:28: tenants.list[4].id: 'a b', {ID}",
            f"tenants.yaml:5:33: tenants.list[5].id: 'é', {ID}",
            f"tenants.yaml:5:36: tenants.list[6].id: a list, {ID}",
            f"tenants.yaml:5:41: tenants.list[7].id: '-1', {ID}",
            f"tenants.yaml:5:45: tenants.list[8].id: '{'x' * 64}', {ID}",
            f"tenants.yaml:5:116: tenants.list[9].id: nothing, {ID}",
            f"tenants.yaml:5:119: tenants.list[10].id: missing, {ID}",
        ],
    ),
    "keys-of-a-tenant": (
        SERVERS + TENANTS + "  list:\n  - {id: 1, name: [x], database: '', server: ~, labels: x}\n"
        '  - {id: 2, name: "a\\nb", labels: {a: [], "\\t": ~}}\n',
        [
            "tenants.yaml:6:19: tenants.list[0].name: a list, expected text on one line",
            f"tenants.yaml:6:34: tenants.list[0].database: '', {DATABASE}",
            "tenants.yaml:6:46: tenants.list[0].server: nothing, expected the name of a server",
            "tenants.yaml:6:57: tenants.list[0].labels: 'x', expected a mapping",
            "tenants.yaml:7:19: tenants.list[1].name: 'a\\nb', expected text on one line",
            "tenants.yaml:7:39: tenants.list[1].labels.a: a list, expected text",
            "tenants.yaml:7:43: tenants.list[1].labels: '\\t', expected text on one line",
            "tenants.yaml:7:49: tenants.list[1].labels.\t: nothing, expected text",
        ],
    ),
    "merged": (
        SERVERS + TENANTS + "  list:\n    - &one {id: 1, name: One}\n    - {<<: *one, id: 2, name: [Two]}\n",
        ["tenants.yaml:7:31: tenants.list[1].name: a list, expected text on one line"],
    ),
    "braces": (
        SERVERS
        + "master: {server: main, database: 'rsm_{id}', migrations: m}\n"
        + TENANTS
        + "  database: tenant_{name}\n  list: [{id: 1, database: '{id'}, 2, 3]\n",
        [
            "tenants.yaml:2:34: master.database: 'rsm_{id}', expected the name of a database, without braces",
            f"tenants.yaml:6:13: tenants.database: 'tenant_{{name}}', {DATABASE}",
            f"tenants.yaml:7:28: tenants.list[0].database: '{{id', {DATABASE}",
        ],
    ),
    "neither-list-nor-query": (
        SERVERS + TENANTS,
        ["tenants.yaml:3:3: tenants: neither list, query nor file, expected one of them"],
    ),
    "both-list-and-query": (
        SERVERS + MASTER + TENANTS + LIST + "  query: SELECT 1\n",
        ["tenants.yaml:7:3: tenants: both list and query, expected one of them"],
    ),
}
