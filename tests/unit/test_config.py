"""tenants.yaml in, `Config` or all that is wrong with it out."""

import errno
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import runner.document
from runner.config import Config, json_schema, parse, read, tenants_from_rows
from runner.errors import ConfigError, Problem
from runner.model import Server, SetName, Tenant

REPOSITORY = Path(__file__).parents[2]
DATA = REPOSITORY / "tests" / "data" / "config"
GOOD = sorted(DATA.glob("*.yaml"))
PATH = Path("tenants.yaml")

ENVIRONMENT = {"DB_PASSWORD": "s3cret @/'\\ %41", "US_URL": "postgresql://deploy:s3cret@db3.example.org/"}

SERVERS = "servers: {main: embedded}\n"
MASTER = "master: {server: main, database: rsm_master, migrations: m}\n"
TENANTS = "tenants:\n  migrations: t\n  server: main\n"
LIST = "  list: [1]\n"

ID = "expected an integer, or at most 63 letters, digits, _ and -"
DATABASE = "expected the name of a database, with no braces but {id}"
CONNECTION = "expected embedded, key=value pairs or a postgresql:// URL"
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


# What is right


def test_design() -> None:
    """The repository's own file means an embedded server, the master database and the tenants 1 and 16."""
    config = read(REPOSITORY / "tenants.yaml", env={})
    main = Server("main", None)
    assert config.servers == {"main": main}
    assert config.master == Tenant("master", SetName.MASTER, main, "rsm_master")
    assert config.tenants == (
        Tenant("1", SetName.TENANT, main, "tenant_1"),
        Tenant("16", SetName.TENANT, main, "tenant_16", "Test Studio UI", (("tier", "internal"),)),
    )
    assert (config.master_migrations, config.tenant_migrations) == (
        REPOSITORY / "migrations" / "master",
        REPOSITORY / "migrations" / "tenant",
    )
    assert (config.path, config.root) == (REPOSITORY / "tenants.yaml", REPOSITORY)
    assert (config.tenant_query, config.ledger_schema, config.warnings) == (None, "public", ())


def test_example_in_the_hint() -> None:
    """The example that is offered where there is no file is a file that works."""
    config = parse_good(EXAMPLE)
    assert [(tenant.name, tenant.database) for tenant in config.tenants] == [("1", "tenant_1"), ("2", "tenant_2")]
    assert (config.master, config.master_migrations) == (None, None)


def test_full() -> None:
    """Every key has its effect."""
    config = read(DATA / "full.yaml", env=ENVIRONMENT)
    assert config.master_migrations == Path("/srv/migrations/master")
    assert config.ledger_schema == "bookkeeping"
    assert config.warnings == ()
    assert [(tenant.name, tenant.server.name, tenant.database, tenant.title) for tenant in config.tenants] == [
        ("1", "main", "studio_1_live", ""),
        ("north-2", "main", "studio_north-2_live", ""),
        ("16", "main", "studio_16_live", "Test Studio UI"),
        ("17", "eu-1", "studio 17", ""),
        ("18", "us", "studio_18_live", "1984"),
        ("19", "lab", "studio_19_live", ""),
    ]
    assert config.tenants[2].labels == (("tier", "internal"), ("beta", "true"), ("floor", "3"))


def test_references() -> None:
    """A reference stands for one value whatever characters it holds, or for a whole connection string."""
    from psycopg.conninfo import conninfo_to_dict

    config = read(DATA / "full.yaml", env=ENVIRONMENT)
    password = ENVIRONMENT["DB_PASSWORD"]
    dsns = {name: server.dsn for name, server in config.servers.items()}
    assert conninfo_to_dict(dsns["main"] or "") == {
        "host": "db1",
        "user": "deploy",
        "password": password,
        "application_name": "$studio",
    }
    assert conninfo_to_dict(dsns["eu-1"] or "") == {
        "host": "db2.example.org",
        "port": "5433",
        "user": "deploy",
        "password": password,
        "dbname": "postgres",
        "sslmode": "require",
    }
    assert dsns["us"] == ENVIRONMENT["US_URL"]
    assert dsns["lab"] is None
    assert dsns["ref"] == "service=reference passfile=/etc/tenantry/passfile"


@pytest.mark.parametrize(
    ("env", "host"),
    [({"H": "db2"}, "db2"), ({"H": ""}, "db1"), ({}, "db1")],
    ids=["set", "empty", "unset"],
)
def test_default(env: Mapping[str, str], host: str) -> None:
    """The default of a reference counts where the variable is unset or empty."""
    config = parse_good("servers: {main: 'host=${H:-db1}'}\n" + TENANTS + LIST, env)
    assert config.servers["main"].dsn == f"host={host}"


def test_anchors() -> None:
    """Aliases and merge keys are followed; what a mapping says itself wins over what is merged into it."""
    config = read(DATA / "anchors.yaml", env={})
    assert [(t.name, t.server.name, t.title, t.labels) for t in config.tenants] == [
        ("1", "eu", "", (("tier", "gold"),)),
        ("2", "eu", "", (("tier", "gold"),)),
        ("3", "main", "Third", (("tier", "gold"),)),
        ("4", "main", "", (("tier", "gold"),)),
    ]


def test_as_written() -> None:
    """An id is what was written, whatever YAML 1.1 makes of it."""
    config = read(DATA / "as_written.yaml", env={})
    written = ["07", "010", "1_000", "0x1F", "1e3", "2001-01-01", "no", "on", "y", "true", "null"]
    assert [tenant.name for tenant in config.tenants] == written
    assert [tenant.database for tenant in config.tenants] == [f"tenant_{name}" for name in written]


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_slow_loader(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML has no libyaml, a file means the same."""
    fast = read(path, env=ENVIRONMENT)
    monkeypatch.setattr(runner.document, "_LOADER", yaml.SafeLoader)
    assert read(path, env=ENVIRONMENT) == fast


def test_line_ends(tmp_path: Path) -> None:
    """A byte-order mark and CRLF make no difference, not even to positions."""
    path = tmp_path / "tenants.yaml"
    path.write_bytes("\ufeff".encode() + (DATA / "minimal.yaml").read_bytes().replace(b"\n", b"\r\n"))
    assert [tenant.name for tenant in read(path, env={}).tenants] == ["1", "2"]
    path.write_bytes("\ufeffservers: 5\r\nx: é\r\n".encode())
    assert refuse_file(path) == [
        "tenants.yaml:1:1: tenants: missing, expected a mapping with migrations, server, database and list or query",
        "tenants.yaml:1:10: servers: a number, expected a mapping of names to connection strings",
        "tenants.yaml:2:1: unknown key 'x', expected one of servers, master, tenants, ledger",
    ]


def test_embedded_is_cheap() -> None:
    """No driver is loaded for a file whose servers are embedded."""
    code = (
        "import sys, runner.config, pathlib\n"
        "runner.config.read(pathlib.Path('tenants.yaml'), env={})\n"
        "print([name for name in ('psycopg', 'yoyo', 'rich', 'structlog', 'difflib') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# Servers in this environment


@pytest.mark.parametrize(
    ("env", "overrides", "dsn"),
    [
        ({}, {}, "host=file"),
        ({"TENANTRY_SERVER_EU_1": "host=env"}, {}, "host=env"),
        ({"TENANTRY_SERVER_EU_1": "host=env"}, {"eu-1": "host=argument"}, "host=argument"),
        ({"TENANTRY_SERVER_EU_1": "embedded"}, {}, None),
        ({"TENANTRY_SERVER_EU_1": "host=env"}, {"eu-1": "embedded"}, None),
        ({"TENANTRY_SERVER_EU_1": "host=$$ user=${X}"}, {}, "host=$$ user=${X}"),
        ({"TENANTRY_SERVER_EU_1": "host=x password=y"}, {}, "host=x password=y"),
    ],
    ids=["file", "environment", "argument", "embedded", "embedded-argument", "verbatim", "password"],
)
def test_override(env: Mapping[str, str], overrides: Mapping[str, str], dsn: str | None) -> None:
    """An argument wins over the environment, which wins over the file; neither is searched for references."""
    config = parse_good("servers: {eu-1: host=file}\ntenants: {migrations: t, server: eu-1, list: [1]}", env, overrides)
    assert config.tenants[0].server == config.servers["eu-1"] == Server("eu-1", dsn)
    assert config.warnings == ()


@pytest.mark.parametrize("text", ["host=x password=${NOT_SET}", "host=x password=clear", "nonsense"])
def test_overridden_text(text: str) -> None:
    """What the file says about a server is not looked at while it is overridden."""
    config = parse_good(f"servers: {{main: '{text}'}}\n{TENANTS}{LIST}", {"TENANTRY_SERVER_MAIN": "embedded"})
    assert (config.servers["main"].dsn, config.warnings) == (None, ())


OVERRIDES: list[tuple[str, dict[str, str], dict[str, str], Said]] = [
    (
        "variable-unknown",
        {"TENANTRY_SERVER_MIAN": "host=hunter2"},
        {},
        ["TENANTRY_SERVER_MIAN: unknown server, expected TENANTRY_SERVER_MAIN | did you mean 'TENANTRY_SERVER_MAIN'?"],
    ),
    (
        "variable-malformed",
        {"TENANTRY_SERVER_MAIN": "hunter2"},
        {},
        [f"TENANTRY_SERVER_MAIN: malformed connection string, {CONNECTION}"],
    ),
    (
        "variable-undecodable",
        {"TENANTRY_SERVER_MAIN": "host=hunter2\udcff"},
        {},
        [f"TENANTRY_SERVER_MAIN: malformed connection string, {CONNECTION}"],
    ),
    (
        "variable-empty",
        {"TENANTRY_SERVER_MAIN": ""},
        {},
        [f"TENANTRY_SERVER_MAIN: empty, {CONNECTION}"],
    ),
    (
        "argument-unknown",
        {},
        {"mian": "host=hunter2"},
        ["--server mian: unknown server, expected main | did you mean 'main'?"],
    ),
    (
        "argument-malformed",
        {},
        {"main": "host=x hunter2"},
        [f"--server main: malformed connection string, {CONNECTION}"],
    ),
    (
        "argument-without-name",
        {},
        {"postgresql://u:hunter2@h/?sslmode": "require"},
        ["--server: unknown server, expected main"],
    ),
]


@pytest.mark.parametrize(("env", "overrides", "said"), [case[1:] for case in OVERRIDES], ids=[c[0] for c in OVERRIDES])
def test_override_refused(env: Mapping[str, str], overrides: Mapping[str, str], said: Said) -> None:
    """An override that cannot be used is named by where it comes from, without showing it."""
    assert refuse(SERVERS + TENANTS + LIST, env, overrides) == said


IN_CLEAR = [
    ("key-value", "host=x password=hunter2", {}),
    ("url", "postgresql://u:hunter2@h/", {}),
    ("url-parameter", "postgresql://h/?password=hunter2", {}),
    ("key-of-a-certificate", "host=x sslpassword=hunter2", {}),
    ("beside-a-reference", "host=${H} password=hunter2", {"H": "h"}),
    ("in-a-reference", "host=x password=${P}hunter2", {"P": "p"}),
    ("default", "host=x password=${P:-hunter2}", {}),
    ("default-not-used", "host=x password=${P:-hunter2}", {"P": "p"}),
    ("whole-default", "${URL:-host=x password=hunter2}", {}),
]


@pytest.mark.parametrize(("dsn", "env"), [case[1:] for case in IN_CLEAR], ids=[case[0] for case in IN_CLEAR])
def test_password_in_clear(dsn: str, env: Mapping[str, str]) -> None:
    """A password that stands in the file is warned of, and shown neither in the warning nor in any repr."""
    config = parse_good(f"servers:\n  main: {dsn}\n{TENANTS}{LIST}", env)
    message = "tenants.yaml:2:9: servers.main: a password in clear, expected it from outside this file"
    assert config.warnings == (Problem(message, "write password=${NAME}, or use a passfile or a service of libpq"),)
    assert "hunter2" not in repr(config)
    assert "hunter2" in str(config.servers["main"].dsn) or "P" in env


@pytest.mark.parametrize(
    "dsn", ["host=x password=${P}", "postgresql://u:${P}@h/", "${URL}", "service=x", "host=x passfile=/p", "host=x"]
)
def test_password_from_outside(dsn: str) -> None:
    """A password from the environment, a passfile or a service is nothing to warn of, and in no repr."""
    env = {"P": "hunter2", "URL": "postgresql://u:hunter2@h/"}
    config = parse_good(f"servers:\n  main: {dsn}\n{TENANTS}{LIST}", env)
    assert config.warnings == ()
    assert "hunter2" not in repr(config)


NOT_SET = "set it, or give a whole connection string in TENANTRY_SERVER_MAIN or with --server main=..."
CONNECTIONS = {
    "unset": ("host=x password=${PW}", f"${{PW}} not set, expected it in the environment | {NOT_SET}"),
    "unset-several": (
        "host=${H} user=${U} dbname=${H}",
        f"${{H}}, ${{U}} not set, expected it in the environment | {NOT_SET}",
    ),
    "unset-whole": ("${URL}", f"${{URL}} not set, expected it in the environment | {NOT_SET}"),
    "reference-unclosed": ("host=${H", "malformed reference, expected ${NAME} or ${NAME:-default}"),
    "reference-odd-name": ("host=${1H}", "malformed reference, expected ${NAME} or ${NAME:-default}"),
    "reference-for-two": (
        "${SET} user=hunter2",
        f"malformed connection string, {CONNECTION}"
        " | a reference stands for one value, or for a whole connection string",
    ),
    "reference-malformed-inside": ("${SET}", f"malformed connection string, {CONNECTION}"),
    "reference-empty": ("${EMPTY}", f"empty, {CONNECTION}"),
    "reference-undecodable": ("host=${BYTES}", "a value that libpq does not take, expected text in UTF-8"),
    "malformed": ("host=x hunter2", f"malformed connection string, {CONNECTION}"),
    "malformed-key": ("hunter2=x", f"malformed connection string, {CONNECTION}"),
    "malformed-url": ("postgresql://u:hunter2@h:%zz/", f"malformed connection string, {CONNECTION}"),
    "misspelt": ("embeded", f"malformed connection string, {CONNECTION} | did you mean 'embedded'?"),
    "empty": ("''", f"empty, {CONNECTION}"),
    "nothing": ("", f"nothing, {CONNECTION}"),
    "number": ("5432", f"a number, {CONNECTION} | {QUOTES}"),
    "list": ("[hunter2]", f"a list, {CONNECTION}"),
    "nul": ('"host=x\\0 hunter2"', f"malformed connection string, {CONNECTION}"),
}


@pytest.mark.parametrize(("text", "said"), CONNECTIONS.values(), ids=CONNECTIONS)
def test_connection_refused(text: str, said: str) -> None:
    """A connection string that cannot be used is named by its server; nothing of it is shown."""
    env = {"SET": "hunter2", "EMPTY": "", "BYTES": "hunter2\udcff"}
    column = 8 if not text else 9
    refused = refuse(f"servers:\n  main: {text}\n{TENANTS}{LIST}", env)
    assert refused == [f"tenants.yaml:2:{column}: servers.main: {said}"]


def test_server_names() -> None:
    """Two names that one variable would override are refused."""
    assert refuse("servers:\n  a-b: embedded\n  A_B: host=x\n" + TENANTS.replace("main", "a-b") + LIST) == [
        "tenants.yaml:3:3: servers: 'a-b' and 'A_B' share the variable TENANTRY_SERVER_A_B,"
        " expected names that differ in more than case, - and _",
    ]


# What is wrong with the shape: an editor that knows the schema marks these as well

SHAPES: dict[str, tuple[str, Said]] = {
    "nothing-there": (
        "{}",
        [
            "tenants.yaml:1:1: servers: missing, expected a mapping of names to connection strings",
            "tenants.yaml:1:1: tenants: missing,"
            " expected a mapping with migrations, server, database and list or query",
        ],
    ),
    "a-list": ("- 1\n", ["tenants.yaml:1:1: a list, expected a mapping with servers and tenants"]),
    "a-number": ("5\n", ["tenants.yaml:1:1: a number, expected a mapping with servers and tenants"]),
    "null": ("# c\n---\n", ["tenants.yaml:3:1: nothing, expected a mapping with servers and tenants"]),
    "unknown-section": (
        SERVERS + "mastr: {}\n" + TENANTS + LIST,
        [
            "tenants.yaml:2:1: unknown key 'mastr', expected one of servers, master, tenants, ledger"
            " | did you mean 'master'?"
        ],
    ),
    "unknown-key-of-master": (
        SERVERS + "master: {server: main, databse: x, migrations: m}\n" + TENANTS + LIST,
        [
            "tenants.yaml:2:9: master.database: missing, expected the name of a database, without braces",
            "tenants.yaml:2:24: master: unknown key 'databse', expected one of server, database, migrations"
            " | did you mean 'database'?",
        ],
    ),
    "unknown-key-of-tenants": (
        SERVERS + TENANTS + LIST + "  wave: 1\n",
        ["tenants.yaml:6:3: tenants: unknown key 'wave', expected one of migrations, server, database, list, query"],
    ),
    "unknown-key-of-a-tenant": (
        SERVERS + TENANTS + "  list:\n    - 1\n    - id: 2\n      regoin: eu\n      lables: {}\n",
        [
            "tenants.yaml:8:7: tenants.list[1]: unknown key 'regoin',"
            " expected one of id, name, database, server, labels",
            "tenants.yaml:9:7: tenants.list[1]: unknown key 'lables',"
            " expected one of id, name, database, server, labels"
            " | did you mean 'labels'?",
        ],
    ),
    "unknown-key-of-ledger": (
        SERVERS + "ledger: {table: x}\n" + TENANTS + LIST,
        ["tenants.yaml:2:10: ledger: unknown key 'table', expected schema"],
    ),
    "server-name": (
        "servers: {main: embedded, c d: embedded, '': embedded}\n" + TENANTS + LIST,
        [
            "tenants.yaml:1:27: servers: 'c d', expected a name of letters, digits, _ and -",
            "tenants.yaml:1:42: servers: '', expected a name of letters, digits, _ and -",
        ],
    ),
    "sections-of-wrong-type": (
        "servers: embedded\nmaster: main\nledger: public\ntenants: [1, 2]\n",
        [
            "tenants.yaml:1:10: servers: text, expected a mapping of names to connection strings",
            "tenants.yaml:2:9: master: 'main', expected a mapping with server, database and migrations",
            "tenants.yaml:3:9: ledger: 'public', expected a mapping with schema",
            "tenants.yaml:4:10: tenants: a list,"
            " expected a mapping with migrations, server, database and list or query",
        ],
    ),
    "sections-of-nothing": (
        "servers:\nmaster:\nledger:\ntenants:\n",
        [
            "tenants.yaml:1:9: servers: nothing, expected a mapping of names to connection strings",
            "tenants.yaml:2:8: master: nothing, expected a mapping with server, database and migrations",
            "tenants.yaml:3:8: ledger: nothing, expected a mapping with schema",
            "tenants.yaml:4:9: tenants: nothing,"
            " expected a mapping with migrations, server, database and list or query",
        ],
    ),
    "empty": (
        "servers: {}\ntenants: {migrations: '', server: main, list: []}\n",
        [
            "tenants.yaml:1:10: servers: empty, expected a mapping of names to connection strings",
            "tenants.yaml:2:23: tenants.migrations: '', expected a folder",
            "tenants.yaml:2:47: tenants.list: empty, expected a list of one tenant or more",
        ],
    ),
    "values-of-wrong-type": (
        SERVERS + "ledger: {schema: [x]}\ntenants:\n  migrations: [t]\n  server: 5\n  database: true\n  list: 1\n",
        [
            "tenants.yaml:2:18: ledger.schema: a list, expected the name of a schema",
            "tenants.yaml:4:15: tenants.migrations: a list, expected a folder",
            f"tenants.yaml:5:11: tenants.server: the number 5, expected the name of a server | {QUOTES}",
            f"tenants.yaml:6:13: tenants.database: the boolean true, {DATABASE} | {QUOTES}",
            "tenants.yaml:7:9: tenants.list: the number 1, expected a list of one tenant or more",
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
        ["tenants.yaml:3:3: tenants: neither list nor query, expected one of them"],
    ),
    "both-list-and-query": (
        SERVERS + MASTER + TENANTS + LIST + "  query: SELECT 1\n",
        ["tenants.yaml:7:3: tenants: both list and query, expected one of them"],
    ),
}


@pytest.mark.parametrize(("text", "said"), SHAPES.values(), ids=SHAPES)
def test_shape_refused(text: str, said: Said) -> None:
    """What is missing, unknown or of a wrong type is named, all of it, with line, column and what was expected."""
    assert refuse(text) == said


# What is wrong with the meaning

MEANINGS: dict[str, tuple[str, Said]] = {
    "id-twice": (
        SERVERS + TENANTS + "  list:\n    - 1\n    - 2\n    - {id: 1}\n",
        ["tenants.yaml:8:7: tenants.list[2]: one tenant is given twice: 1 (line 6), 1 (line 8)"],
    ),
    "id-spelt-differently": (
        SERVERS + TENANTS + "  list:\n    - 1\n    - '1'\n    - 01\n    - '001'\n",
        [
            "tenants.yaml:7:7: tenants.list[1]: one tenant is given 4 times:"
            " 1 (line 6), 1 (line 7), 01 (line 8), 001 (line 9)"
        ],
    ),
    "id-reserved": (
        SERVERS + TENANTS + "  list: [master, {id: All}, alla]\n",
        [
            "tenants.yaml:5:10: tenants.list[0].id: 'master' is reserved, expected another id",
            "tenants.yaml:5:23: tenants.list[1].id: 'All' is reserved, expected another id",
        ],
    ),
    "database-twice": (
        SERVERS
        + TENANTS
        + "  list:\n    - 1\n    - {id: 2, database: tenant_1}\n    - {id: 3, database: 'tenant_{id}'}\n",
        [
            "tenants.yaml:7:7: tenants.list[1]: database 'tenant_1' is used twice:"
            " 1 on 'main' (line 6), 2 on 'main' (line 7)"
        ],
    ),
    "database-of-master": (
        SERVERS + MASTER + TENANTS + "  list:\n    - {id: 2, database: rsm_master}\n",
        [
            "tenants.yaml:7:7: tenants.list[0]: database 'rsm_master' is used twice:"
            " master on 'main' (line 2), 2 on 'main' (line 7)"
        ],
    ),
    "pattern-without-id": (
        SERVERS + TENANTS + "  database: studio\n  list: [1, 2, 3, 4, 5, 6, 7]\n",
        [
            "tenants.yaml:6:13: tenants.list[1]: database 'studio' is used 7 times: 1 on 'main' (line 6),"
            " 2 on 'main' (line 6), 3 on 'main' (line 6), 4 on 'main' (line 6), 5 on 'main' (line 6) and 2 more"
            " | put {id} into tenants.database"
        ],
    ),
    "id-and-database-twice": (
        SERVERS + TENANTS + "  list: [1, 1, {id: 2, database: tenant_1}]\n",
        [
            "tenants.yaml:5:13: tenants.list[1]: one tenant is given twice: 1 (line 5), 1 (line 5)",
            "tenants.yaml:5:16: tenants.list[2]: database 'tenant_1' is used twice:"
            " 1 on 'main' (line 5), 2 on 'main' (line 5)",
        ],
    ),
    "unknown-servers": (
        SERVERS
        + MASTER.replace("main", "Main")
        + TENANTS.replace("main", "mian")
        + "  list: [1, {id: 2, server: eu}]\n",
        [
            "tenants.yaml:2:18: master.server: unknown server 'Main', expected main | did you mean 'main'?",
            "tenants.yaml:5:11: tenants.server: unknown server 'mian', expected main | did you mean 'main'?",
            "tenants.yaml:6:29: tenants.list[1].server: unknown server 'eu', expected main",
        ],
    ),
    "database-too-long": (
        SERVERS
        + MASTER.replace("rsm_master", "m" * 64)
        + TENANTS
        + f"  database: {'é' * 30}_{{id}}\n  list: [10, 100]\n",
        [
            f"tenants.yaml:2:34: master.database: '{'m' * 64}' has 64 bytes, expected at most 63",
            f"tenants.yaml:7:14: tenants.list[1].database: '{'é' * 30}_100' has 64 bytes, expected at most 63",
        ],
    ),
    "query-without-master": (
        SERVERS + TENANTS + "  query: SELECT 1\n",
        ["tenants.yaml:5:3: tenants: query without a master to run it on, expected one"],
    ),
    "key-twice": (
        SERVERS + TENANTS + '  list:\n    - id: 1\n      id: 2\n  "server": main\n',
        [
            "tenants.yaml:7:7: key 'id' is used twice: line 6, line 7",
            "tenants.yaml:8:3: key 'server' is used twice: line 4, line 8",
        ],
    ),
    "tag": (
        SERVERS + TENANTS + "  list: [!!binary MQ==, !tenant 2, !!set {a}]\n",
        [
            "tenants.yaml:5:10: tag !!binary, expected plain YAML",
            "tenants.yaml:5:25: tag !tenant, expected plain YAML",
            "tenants.yaml:5:36: tag !!set, expected plain YAML",
        ],
    ),
    "key-of-a-list": (
        SERVERS + TENANTS + "  list: [{id: 1, [a]: b}]\n",
        ["tenants.yaml:5:18: a list or a mapping as key, expected text"],
    ),
    "alias-of-itself": (
        SERVERS + TENANTS + "  list: &all [1, *all]\n",
        ["tenants.yaml:5:9: an alias of what it stands in, expected none"],
    ),
    "merge-of-text": (
        SERVERS + TENANTS + "  list: [{id: 1, <<: text}]\n",
        [
            "tenants.yaml:5:10: a merge key that cannot be followed:"
            " expected a mapping or list of mappings for merging, but found scalar"
        ],
    ),
    "all-at-once": (
        SERVERS + "ledgr: {}\n" + TENANTS + "  list:\n    - {id: all, labels: {a: ~}}\n    - {id: 2, server: mian}\n"
        "    - 2\n    - {id: 3, nme: x, database: tenant_2}\n",
        [
            "tenants.yaml:2:1: unknown key 'ledgr', expected one of servers, master, tenants, ledger"
            " | did you mean 'ledger'?",
            "tenants.yaml:7:12: tenants.list[0].id: 'all' is reserved, expected another id",
            "tenants.yaml:7:29: tenants.list[0].labels.a: nothing, expected text",
            "tenants.yaml:8:23: tenants.list[1].server: unknown server 'mian', expected main | did you mean 'main'?",
            "tenants.yaml:9:7: tenants.list[2]: one tenant is given twice: 2 (line 8), 2 (line 9)",
            "tenants.yaml:10:7: tenants.list[3]: database 'tenant_2' is used twice:"
            " 2 on 'main' (line 9), 3 on 'main' (line 10)",
            "tenants.yaml:10:15: tenants.list[3]: unknown key 'nme',"
            " expected one of id, name, database, server, labels"
            " | did you mean 'name'?",
        ],
    ),
}


@pytest.mark.parametrize(("text", "said"), MEANINGS.values(), ids=MEANINGS)
def test_meaning_refused(text: str, said: Said) -> None:
    """Tenants that cannot be told apart, servers that are not there and odd YAML are named, all at once."""
    assert refuse(text) == said


ONE_SERVER = {
    "embedded": ("embedded", "embedded", {}),
    "host-and-port": ("host=DB1 user=a", "postgresql://b@db1:5432/x", {}),
    "address": ("host=db1 hostaddr=192.0.2.1", "hostaddr=192.0.2.1", {}),
    "default-host": ("user=a", "port=5432", {}),
    "host-from-environment": ("user=a", "host=db1", {"PGHOST": "db1"}),
    "port-from-environment": ("host=db1 port=5433", "host=db1", {"PGPORT": "5433"}),
    "service": ("service=main", "service=main user=b", {}),
}
TWO_SERVERS: dict[str, tuple[str, str, dict[str, str]]] = {
    "embedded-and-local": ("embedded", "user=a", {}),
    "hosts": ("host=db1", "host=db2", {}),
    "ports": ("host=db1", "host=db1 port=5433", {}),
    "services": ("service=main", "service=eu", {}),
    "service-on-another-host": ("service=main host=db1", "service=main host=db2", {}),
}


def share(first: str, second: str) -> str:
    """Return a file with two tenants on one database of two server names."""
    tenants = "tenants: {migrations: t, server: a, database: studio, list: [1, {id: 2, server: b}]}\n"
    return f"servers: {{a: '{first}', b: '{second}'}}\n{tenants}"


@pytest.mark.parametrize(("first", "second", "env"), ONE_SERVER.values(), ids=ONE_SERVER)
def test_one_server(first: str, second: str, env: Mapping[str, str]) -> None:
    """Two names of one server are found out where that can be known without connecting."""
    message = (
        "tenants.yaml:2:65: tenants.list[1]: database 'studio' is used twice: 1 on 'a' (line 2), 2 on 'b' (line 2)"
    )
    assert refuse(share(first, second), env) == [f"{message} | 'a' and 'b' are one server, by host and port"]


@pytest.mark.parametrize(("first", "second", "env"), TWO_SERVERS.values(), ids=TWO_SERVERS)
def test_two_servers(first: str, second: str, env: Mapping[str, str]) -> None:
    """One database name on two servers is fine."""
    config = parse_good(share(first, second), env)
    assert [(tenant.server.name, tenant.database) for tenant in config.tenants] == [("a", "studio"), ("b", "studio")]


# What is no YAML

TEXTS: dict[str, tuple[str, str]] = {
    "empty": ("", f"tenants.yaml: empty, expected servers and tenants | start with this:\n{EXAMPLE}"),
    "blank": (" \n\n", f"tenants.yaml: empty, expected servers and tenants | start with this:\n{EXAMPLE}"),
    "comments": ("# c\n", f"tenants.yaml: only comments, expected servers and tenants | start with this:\n{EXAMPLE}"),
    "two-documents": (
        "a: 1\n---\nb: 2\n",
        "tenants.yaml:2:1: a second document, expected one | remove the line --- and what follows it",
    ),
    "tab": ("a:\n  é:\n\tb: 1\n", "tenants.yaml:3:1: a tab, expected spaces | indent with spaces"),
    "tab-after-mark": ("\ufeffa:\n\tb: 1\n", "tenants.yaml:2:1: a tab, expected spaces | indent with spaces"),
    "nul": ("a: b\nc: é\0\n", "tenants.yaml:2:5: character U+0000, expected text in UTF-8"),
    "escape": ("a: \x1b[31m\n", "tenants.yaml:1:4: character U+001B, expected text in UTF-8"),
    "surrogate": ("a: \udcff\n", "tenants.yaml:1:4: character U+DCFF, expected text in UTF-8"),
    "nested-flow": ("[" * 100_000, "tenants.yaml:1:1: nested too deeply, expected servers and tenants"),
    "nested-block": ("a:\n  " + "- " * 9_000, "tenants.yaml:2:1: nested too deeply, expected servers and tenants"),
    "nested-lines": (
        "".join(f"{' ' * depth}a:\n" for depth in range(150)),
        "tenants.yaml:102:102: nested too deeply, expected servers and tenants",
    ),
}


@pytest.mark.parametrize(("text", "said"), TEXTS.values(), ids=TEXTS)
def test_text_refused(text: str, said: str) -> None:
    """A text that holds no single sane document is refused where it goes wrong."""
    assert said in refuse(text)


YAML = {
    "unclosed-list": (
        "a: [1\nb: 2\n",
        "2:2: not YAML: while parsing a flow sequence, did not find expected ',' or ']'",
    ),
    "unclosed-quote": ("a: 'x\n", "2:1: not YAML: while scanning a quoted scalar, found unexpected end of stream"),
    "colon-in-text": ("a: é b: c\n", "1:7: not YAML: mapping values are not allowed in this context"),
    "nothing-more": ("[", "2:1: not YAML: while parsing a flow node, did not find expected node content"),
    "undefined-alias": ("a: *b\n", "1:4: not YAML: found undefined alias"),
    "outdented": (
        "- a\nb: 1\n",
        "2:1: not YAML: while parsing a block collection, did not find expected '-' indicator",
    ),
}


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="the wording is libyaml's")
@pytest.mark.parametrize(("text", "said"), YAML.values(), ids=YAML)
def test_yaml_refused(text: str, said: str) -> None:
    """A syntax error is named by its line and column, both from 1, columns counting characters."""
    assert refuse(text) == [f"tenants.yaml:{said}"]


BYTES = {
    "utf-16-le": ("a: b".encode("utf-16-le"), "tenants.yaml:1:2: character U+0000, expected text in UTF-8"),
    "utf-16-bom": ("a: é".encode("utf-16"), "tenants.yaml: UTF-16, expected UTF-8 | save the file as UTF-8"),
    "utf-16-be-bom": (b"\xfe\xff\0a", "tenants.yaml: UTF-16, expected UTF-8 | save the file as UTF-8"),
    "latin-1": (
        "é: 1\n".encode() + "é: né".encode("latin-1"),
        "tenants.yaml:2:1: byte 0xe9, expected UTF-8 | save the file as UTF-8",
    ),
    "latin-1-later": (
        "\ufeffé: né".encode() + b"\xe9",
        "tenants.yaml:1:6: byte 0xe9, expected UTF-8 | save the file as UTF-8",
    ),
}


@pytest.mark.parametrize(("raw", "said"), BYTES.values(), ids=BYTES)
def test_bytes_refused(raw: bytes, said: str, tmp_path: Path) -> None:
    """A file that is not UTF-8 is refused, with the place of the first byte that is none."""
    path = tmp_path / "tenants.yaml"
    path.write_bytes(raw)
    assert refuse_file(path) == [said]


def test_absent(tmp_path: Path) -> None:
    """Where there is no file, the hint says how to name one and holds one to start with."""
    assert refuse_file(tmp_path / "none.yaml") == [
        f"tenants.yaml: not found, expected a file | name one with --config, or start with this one:\n{EXAMPLE}"
    ]


def test_folder(tmp_path: Path) -> None:
    """A folder is no file."""
    assert refuse_file(tmp_path) == ["tenants.yaml: a folder, expected a file | name a file with --config"]


def test_unreadable(tmp_path: Path) -> None:
    """A file that the system will not read is named with the system's reason."""
    path = tmp_path / "loop.yaml"
    path.symlink_to(path)
    reason = os.strerror(errno.ELOOP)
    assert refuse_file(path) == [f"tenants.yaml: unreadable ({reason}), expected a file | name a file with --config"]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["main", "${X}", "{id}", "1", "01"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "servers",
                    "master",
                    "tenants",
                    "ledger",
                    "list",
                    "query",
                    "id",
                    "server",
                    "database",
                    "main",
                    "labels",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(
    st.text()
    | st.text("[]{}:,-?&*!|>'\"%#~<a1 \n\t\r\x85\u2028")
    | VALUES.map(yaml.safe_dump)
    | VALUES.map(lambda value: SERVERS + yaml.safe_dump({"tenants": value}))
)
def test_no_other_error(text: str) -> None:
    """Any text is a Config or a ConfigError that says where, and nothing else."""
    said = ["tenants.yaml:"]
    try:
        parse(text, path=PATH, env={"X": "embedded"})
    except ConfigError as error:
        said = say(error)
    assert said
    assert all(message.startswith("tenants.yaml:") for message in said)


# Tenants from rows

QUERY = SERVERS + MASTER + TENANTS + "  query: SELECT 1\n"
AT = "tenants.yaml:6:10: tenants.query"
Rows = Sequence[Mapping[str, object]]


def test_rows() -> None:
    """A row is a tenant in the same way as an entry of the list, in the order of the rows."""
    config = parse_good(QUERY)
    rows: Rows = [
        {"id": 16, "name": "Test", "database": "studio_16", "server": "main", "labels": {"tier": "gold", "floor": 3}},
        {"id": UUID(int=1), "name": None, "database": "studio {id}", "server": "main", "labels": None},
    ]
    main = Server("main", None)
    assert (config.tenants, config.tenant_query) == ((), "SELECT 1")
    assert tenants_from_rows(config, rows) == (
        Tenant("16", SetName.TENANT, main, "studio_16", "Test", (("tier", "gold"), ("floor", "3"))),
        Tenant(str(UUID(int=1)), SetName.TENANT, main, f"studio {UUID(int=1)}"),
    )
    assert tenants_from_rows(config, [{"id": 7}]) == (Tenant("7", SetName.TENANT, main, "tenant_7"),)


ROWS: dict[str, tuple[Rows, Said]] = {
    "none": ([], [f"{AT}: no row, expected one for each tenant | select the master alone with --tenants master"]),
    "columns": (
        [{"organization_id": 1, "databse": "x"}],
        [
            f"{AT}: unknown column 'organization_id', expected one of id, name, database, server, labels",
            f"{AT}: unknown column 'databse', expected one of id, name, database, server, labels"
            " | did you mean 'database'?",
            f"{AT}: no column 'id', expected it | write SELECT ... AS id",
        ],
    ),
    "values": (
        [
            {"id": None, "database": "a", "server": "main"},
            {"id": 2, "database": None, "server": "main"},
            {"id": 3.5, "database": 7, "server": "mian"},
            {"id": "a b", "database": b"b", "server": None},
            {"id": True, "database": "c", "server": "main"},
            {"id": "all", "database": "d", "server": "mian"},
        ],
        [
            f"{AT}: row 1: id: NULL, {ID}",
            f"{AT}: row 2: database: NULL, {DATABASE}",
            f"{AT}: row 3: id: '3.5', {ID}",
            f"{AT}: row 3: database: the number 7, {DATABASE}",
            f"{AT}: row 4: id: 'a b', {ID}",
            f"{AT}: row 4: database: a value of type bytes, {DATABASE}",
            f"{AT}: row 4: server: NULL, expected the name of a server",
            f"{AT}: row 5: id: the boolean true, {ID}",
            f"{AT}: row 6: id: 'all' is reserved, expected another id",
            f"{AT}: row 6: server: unknown server 'mian', expected main | did you mean 'main'?",
        ],
    ),
    "clashes": (
        [
            {"id": 1, "database": "a"},
            {"id": "01", "database": "b"},
            {"id": 2, "database": "a"},
            {"id": 3, "database": "rsm_master"},
        ],
        [
            f"{AT}: row 2: one tenant is given twice: 1 (row 1), 01 (row 2)",
            f"{AT}: row 4: database 'rsm_master' is used twice: master on 'main' (tenants.yaml), 3 on 'main' (row 4)",
            f"{AT}: row 3: database 'a' is used twice: 1 on 'main' (row 1), 2 on 'main' (row 3)",
        ],
    ),
}


@pytest.mark.parametrize(("rows", "said"), ROWS.values(), ids=ROWS)
def test_rows_refused(rows: Rows, said: Said) -> None:
    """What is wrong with rows is named by the place of the query and the number of the row, all at once."""
    with pytest.raises(ConfigError) as caught:
        tenants_from_rows(parse_good(QUERY), rows)
    assert say(caught.value) == said


# The schema for editors


def test_schema_is_committed() -> None:
    """The committed schema is the one of the models, and the repository's file refers to it."""
    committed = (REPOSITORY / "docs" / "tenants.schema.json").read_text(encoding="utf-8")
    generated = json.dumps(json_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert committed == generated, f"write it anew with: python -c {shlex.quote(WRITE_SCHEMA)}"
    first = (REPOSITORY / "tenants.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=docs/tenants.schema.json"


class EditorLoader(yaml.SafeLoader):
    """Reads YAML as editors do, by version 1.2: yes, no, on, off and dates are text."""


EditorLoader.yaml_implicit_resolvers = {
    first: [
        (tag, re.compile("true|false") if tag.endswith(":bool") else pattern)
        for tag, pattern in resolvers
        if not tag.endswith(":timestamp")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
WRITE_SCHEMA = (
    "import json, pathlib, runner.config as c;"
    " text = json.dumps(c.json_schema(), indent=2, sort_keys=True, ensure_ascii=False) + chr(10);"
    " pathlib.Path('docs/tenants.schema.json').write_text(text, encoding='utf-8')"
)
ANNOTATIONS = {"$defs", "title", "description", "examples", "default"}


def fits(value: object, schema: Mapping[str, Any]) -> bool:
    """Return whether `value` is valid, by as much of JSON schema as the schema of tenants.yaml uses."""
    words = [(word, meaning) for word, meaning in schema.items() if word not in ANNOTATIONS]
    return all(fits_keyword(value, word, meaning, schema) for word, meaning in words)


def fits_keyword(value: object, word: str, meaning: Any, schema: Mapping[str, Any]) -> bool:
    """Return whether `value` is valid by one keyword; those about values of another type hold."""
    match word:
        case "$ref":
            return fits(value, json_schema()["$defs"][meaning.removeprefix("#/$defs/")])
        case "type":
            return isinstance(value, TYPES[meaning]) and (meaning == "boolean" or not isinstance(value, bool))
        case "anyOf":
            return any(fits(value, part) for part in meaning)
        case "oneOf":
            return sum(fits(value, part) for part in meaning) == 1
        case "minimum":
            return not isinstance(value, int | float) or value >= meaning
        case "pattern":
            return not isinstance(value, str) or re.search(meaning, value) is not None
        case "items" | "minItems":
            return not isinstance(value, list) or fits_list(value, word, meaning)
    return not isinstance(value, dict) or fits_object(value, word, meaning, schema)


def fits_list(value: list[object], word: str, meaning: Any) -> bool:
    """Return whether a list is valid by one keyword."""
    return len(value) >= meaning if word == "minItems" else all(fits(part, meaning) for part in value)


def fits_object(value: dict[str, object], word: str, meaning: Any, schema: Mapping[str, Any]) -> bool:
    """Return whether a mapping is valid by one keyword; an unknown one is an error of the test."""
    match word:
        case "required":
            return set(meaning) <= set(value)
        case "properties":
            return all(fits(value[name], meaning[name]) for name in value if name in meaning)
        case "patternProperties":
            return all(
                fits(value[name], part) for name in value for key, part in meaning.items() if re.search(key, name)
            )
        case "additionalProperties":
            known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
            return all(name in known or any(re.search(key, name) for key in patterns) for name in value)
    assert word == "minProperties"
    return bool(len(value) >= meaning)


@pytest.mark.parametrize("path", [*GOOD, REPOSITORY / "tenants.yaml"], ids=lambda path: path.stem)
def test_schema_accepts(path: Path) -> None:
    """An editor that knows the schema accepts what the runner accepts."""
    data = yaml.load(path.read_text(encoding="utf-8"), EditorLoader)  # noqa: S506 - a SafeLoader
    assert read(path, env=ENVIRONMENT).tenants or read(path, env=ENVIRONMENT).tenant_query
    assert fits(data, json_schema())


@pytest.mark.parametrize("text", [text for text, _ in SHAPES.values()], ids=SHAPES)
def test_schema_refuses(text: str) -> None:
    """An editor that knows the schema marks what is missing, unknown or of a wrong type."""
    assert not fits(yaml.load(text, EditorLoader), json_schema())  # noqa: S506 - a SafeLoader


def test_schema_explains() -> None:
    """Every key of tenants.yaml is described, so that an editor has something to show."""
    schema = json_schema()
    for model in (schema, *schema["$defs"].values()):
        for name, part in model["properties"].items():
            described = schema["$defs"][part["$ref"].removeprefix("#/$defs/")] if "$ref" in part else part
            assert described.get("description"), name
    assert "null" not in json.dumps(schema)
