"""Connection strings from the file, the environment and arguments; which are one server."""

from collections.abc import Mapping

import pytest

from tenantry.config.dsn import ServerConnection, expand
from tenantry.model import Server
from tenantry.model.errors import Problem
from tests.unit.config.cases import CONNECTION, LIST, QUOTES, SERVER_KEYS, SERVERS, TENANTS, Said, parse_good, refuse


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
    message = "tenants.yaml:2:9: servers.main: a password in clear text, expected one from outside this file"
    assert config.warnings == (
        Problem(message, "write password=${NAME}, or use a libpq password file or service file"),
    )
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
    "unset": ("host=x password=${PW}", f"${{PW}} not set, expected a value in the environment | {NOT_SET}"),
    "unset-several": (
        "host=${H} user=${U} dbname=${H}",
        f"${{H}}, ${{U}} not set, expected a value in the environment | {NOT_SET}",
    ),
    "unset-whole": ("${URL}", f"${{URL}} not set, expected a value in the environment | {NOT_SET}"),
    "reference-unclosed": ("host=${H", "malformed reference, expected ${NAME} or ${NAME:-default}"),
    "reference-odd-name": ("host=${1H}", "malformed reference, expected ${NAME} or ${NAME:-default}"),
    "reference-for-two": (
        "${SET} user=hunter2",
        f"malformed connection string, {CONNECTION}"
        " | use a reference for one value, or for the whole connection string",
    ),
    "reference-malformed-inside": ("${SET}", f"malformed connection string, {CONNECTION}"),
    "reference-empty": ("${EMPTY}", f"empty, {CONNECTION}"),
    "reference-undecodable": ("host=${BYTES}", "a value that libpq does not accept, expected text in UTF-8"),
    "malformed": ("host=x hunter2", f"malformed connection string, {CONNECTION}"),
    "malformed-key": ("hunter2=x", f"malformed connection string, {CONNECTION}"),
    "malformed-url": ("postgresql://u:hunter2@[h/", f"malformed connection string, {CONNECTION}"),
    "malformed-percent": (
        "postgresql://u:hunter2@h:%zz/",
        f"malformed connection string, {CONNECTION}"
        " | write a % in a password as %25, or keep the password in a variable",
    ),
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


def test_mapping() -> None:
    """A server may be a mapping: its connection string, and how long locks are waited for there."""
    text = "servers:\n  main: {dsn: host=x, lock-timeout: 3s}\n  eu: {dsn: embedded}\n" + TENANTS + LIST
    config = parse_good(text)
    assert config.servers == {"main": Server("main", "host=x", 3_000), "eu": Server("eu", None)}
    assert config.tenants[0].server.lock_timeout_ms == 3_000
    overridden = parse_good(text, {}, {"main": "host=y"})
    assert overridden.servers["main"] == Server("main", "host=y", 3_000)


def test_direct() -> None:
    """A way past a pooler is a connection string like the other; who names another server does not mean that way."""
    text = "servers:\n  main: {dsn: host=pool, direct: 'host=db password=${P}'}\n" + TENANTS + LIST
    config = parse_good(text, {"P": "hunter2"})
    assert config.tenants[0].server.direct == "password=hunter2 host=db"
    assert "hunter2" not in repr(config)
    assert parse_good(text, {}, {"main": "host=y"}).servers["main"] == Server("main", "host=y")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            "{dsn: embedded, direct: host=x}",
            "servers.main.direct: a direct connection, expected none: the embedded server has no pooler | remove it",
        ),
        (
            "{dsn: host=x, direct: embedded}",
            "servers.main.direct: embedded, expected key=value pairs or a postgresql:// URL, bypassing the "
            "pooler in dsn",
        ),
        (
            "{dsn: host=x, direct: 'host=${P}'}",
            "servers.main.direct: ${P} not set, expected a value in the environment | set it, or give a whole "
            "connection string in TENANTRY_SERVER_MAIN or with --server main=...",
        ),
    ],
    ids=["of an embedded server", "to an embedded server", "unset variable"],
)
def test_direct_refused(entry: str, said: str) -> None:
    """What cannot be a way past a pooler is refused where it stands."""
    (found,) = refuse(f"servers:\n  main: {entry}\n{TENANTS}{LIST}")
    place, _, message = found.partition(": ")
    assert (place.rpartition(":")[0], message) == ("tenants.yaml:2", said)


def test_mapping_refused() -> None:
    """What is wrong with a connection string in a mapping is said at its key; a key that is one itself is not shown."""
    text = f"servers: {{main: {{dsn: 'host=x hunter2'}}}}\n{TENANTS}{LIST}"
    assert refuse(text) == [f"tenants.yaml:1:23: servers.main.dsn: malformed connection string, {CONNECTION}"]
    said = refuse("servers: {main: {'postgresql://u:hunter2@h/': }}\n" + TENANTS + LIST)
    assert "hunter2" not in "".join(said)
    assert said[-1] == f"tenants.yaml:1:18: servers.main: unknown key, expected one of {SERVER_KEYS}"


ONE_SERVER = {
    "embedded": ("embedded", "embedded"),
    "host-and-port": ("host=DB1 user=a", "postgresql://b@db1:5432/x"),
    "address": ("host=db1 hostaddr=192.0.2.1", "hostaddr=192.0.2.1"),
    "default-host": ("user=a", "port=5432"),
    "service": ("service=main", "service=main user=b"),
}
TWO_SERVERS = {
    "embedded-and-local": ("embedded", "user=a"),
    "hosts": ("host=db1", "host=db2"),
    "ports": ("host=db1", "host=db1 port=5433"),
    "services": ("service=main", "service=eu"),
    "service-on-another-host": ("service=main host=db1", "service=main host=db2"),
}


def share(first: str, second: str) -> str:
    """Return a file with two tenants on one database of two server names."""
    tenants = "tenants: {migrations: t, server: a, database: studio, list: [1, {id: 2, server: b}]}\n"
    return f"servers: {{a: '{first}', b: '{second}'}}\n{tenants}"


@pytest.mark.parametrize(("first", "second"), ONE_SERVER.values(), ids=ONE_SERVER)
def test_one_server(first: str, second: str) -> None:
    """Two names of one server are found out where that can be known without connecting."""
    message = (
        "tenants.yaml:2:65: tenants.list[1]: database 'studio' is used twice: 1 on 'a' (line 2), 2 on 'b' (line 2)"
    )
    assert refuse(share(first, second)) == [f"{message} | choose another database: 'a' and 'b' share a host and port"]


@pytest.mark.parametrize(("first", "second"), TWO_SERVERS.values(), ids=TWO_SERVERS)
def test_two_servers(first: str, second: str) -> None:
    """One database name on two servers is fine."""
    config = parse_good(share(first, second))
    assert [(tenant.server.name, tenant.database) for tenant in config.tenants] == [("a", "studio"), ("b", "studio")]


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("host=db password=${DB_PASSWORD} user=${DB_USER}", "DB_PASSWORD"),
        ("postgresql://deploy:${DB_PASSWORD}@db/", "DB_PASSWORD"),
        ("${DB_URL}", "DB_URL"),
        ("${NOSUCH:-host=db password=x}", ""),
        ("host=db password=a${DB_PASSWORD}", ""),
        ("host=db password=x", ""),
    ],
)
def test_variable_of_the_password(text: str, known: str) -> None:
    """The variable that a password comes from is known, so that a refused login can name it."""
    found = expand("main", text, {"DB_PASSWORD": "x", "DB_USER": "deploy", "DB_URL": "host=db password=x"})
    assert isinstance(found, ServerConnection)
    assert found.server.password_from == known


def test_password_command() -> None:
    """A command belongs to the server of the file: neither to another connection string nor to an embedded server."""
    text = "servers: {main: {dsn: host=db1, password-command: [vault, read], password-ttl: 5min}}\n" + TENANTS + LIST
    server = parse_good(text).servers["main"]
    assert (server.password_command, server.password_ttl_ms) == (("vault", "read"), 300_000)
    assert parse_good(text, overrides={"main": "host=db2"}).servers["main"].password_command == ()
    assert "vault" not in repr(server)


def test_password_command_refused() -> None:
    """A command without a use, and a time without a command, are mistakes; a line of shell is not a list."""
    said = refuse(
        "servers:\n  main: {dsn: embedded, password-command: [s3cret]}\n  eu: {dsn: host=db1, password-ttl: 5min}\n"
        + TENANTS
        + LIST
    )
    assert said == [
        "tenants.yaml:2:25: servers.main: password-command for an embedded server, expected none: it has no passwords"
        " | remove it",
        "tenants.yaml:3:23: servers.eu: password-ttl without password-command, expected both | remove it",
    ]
    said = refuse("servers: {main: {dsn: host=db1, password-command: echo s3cret}}\n" + TENANTS + LIST)
    assert said == [
        "tenants.yaml:1:51: servers.main.password-command: text, expected a list of a program and its arguments"
    ]


def test_connections() -> None:
    """A number of connections of all servers counts where a server has none of its own, also without a mapping."""
    servers = "servers: {main: host=x, eu1: {dsn: host=y, connections: 4}, eu2: {dsn: host=z}}\n"
    found = parse_good(f"{servers}connections: 20\n{TENANTS}{LIST}").servers
    assert {name: server.connections for name, server in found.items()} == {"main": 20, "eu1": 4, "eu2": 20}
    assert {
        server.connections for server in parse_good(f"servers: {{main: host=x}}\n{TENANTS}{LIST}").servers.values()
    } == {None}


@pytest.mark.parametrize(
    ("number", "kind", "shown"),
    [
        ("0", "a number", "the number 0"),
        ("2.5", "a number", "the number 2.5"),
        ("many", "text", "'many'"),
        ("true", "a boolean", "the boolean true"),
    ],
)
def test_connections_refused(number: str, kind: str, shown: str) -> None:
    """A number of connections that is none is refused where it stands."""
    said = refuse(f"servers: {{main: {{dsn: host=x, connections: {number}}}}}\nconnections: {number}\n{TENANTS}{LIST}")
    assert said == [
        f"tenants.yaml:1:44: servers.main.connections: {kind}, expected a whole number, 1 or more",
        f"tenants.yaml:2:14: connections: {shown}, expected a whole number, 1 or more",
    ]
