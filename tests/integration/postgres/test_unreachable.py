"""Servers that do not answer: how long they are waited for, and the words that say which it was."""

import os
import shlex
import socket
import subprocess
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tenantry.model import Server, SetName, Tenant
from tenantry.model.errors import Blocked, NoDatabase, Refused, TenantError, Unreachable
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tenantry.postgres.sessions import Connection, Sessions, Settings
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import make_sessions, make_tenant, wait_until
from tests.integration.postgres.fix_sessions import show

PASSWORD = "open sesame"
ALIVE = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}


class TestSilence:
    """No connection waits for ever for a server that has fallen silent, whatever its string looks like."""

    @pytest.fixture
    def service(self, database: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
        """Return a callable that writes a service, and returns the name of its database."""
        given = conninfo_to_dict(database())

        def write(**more: str) -> str:
            lines = [f"{name}={value}" for name, value in {**given, **more}.items() if value and name != "dbname"]
            (tmp_path / "services").write_text("\n".join(("[studio]", *lines, "")), "utf-8")
            monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
            return str(given["dbname"])

        return write

    @staticmethod
    def opened_with(dsn: str, database: str) -> dict[str, str]:
        """Return what a connection was opened with, of all that ends a silence."""
        with make_sessions(dsn).connect_to("main", database) as connection:
            assert show(connection, "lock_timeout") == "5s"
            given = connection.info.get_parameters()
        return {name: given[name] for name in (*ALIVE, "keepalives") if name in given}

    def test_every_form(self, service: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
        """Key-value pairs, a URI, and a service that the string or the environment names."""
        name = service()
        given = conninfo_to_dict((Path(os.environ["PGSERVICEFILE"])).read_text("utf-8").split("\n", 1)[1])
        host = urllib.parse.quote(str(given["host"]), safe="")
        assert self.opened_with(make_conninfo("", **given), name) == ALIVE
        uri = f"postgresql://{given['user']}@{host}:{given['port']}/?channel_binding=disable&gssencmode=disable"
        assert self.opened_with(uri, name) == ALIVE
        assert self.opened_with("service=studio", name) == ALIVE
        assert self.opened_with("postgresql:///?service=studio", name) == ALIVE
        monkeypatch.setenv("PGSERVICE", "studio")
        assert self.opened_with("application_name=x", name) == ALIVE

    def test_own_values(self, service: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
        """What string, service or environment say is meant, each of them for itself."""
        name = service(keepalives_idle="7", tcp_user_timeout="8000")
        assert self.opened_with("service=studio", name) == ALIVE | {"keepalives_idle": "7", "tcp_user_timeout": "8000"}
        assert self.opened_with("service=studio keepalives_idle=9 connect_timeout=3", name) == ALIVE | {
            "keepalives_idle": "9",
            "tcp_user_timeout": "8000",
            "connect_timeout": "3",
        }
        monkeypatch.setenv("PGCONNECT_TIMEOUT", "4")
        assert self.opened_with("service=studio", name)["connect_timeout"] == "4"

    def test_unknown_service(self, service: Callable[..., str]) -> None:
        """A service that nobody defines is refused: the same command would fail again, whatever the server does."""
        service()
        with pytest.raises(Refused) as caught, make_sessions("service=nosuch").connect_to("main", "x"):
            pass
        assert "nosuch" in str(caught.value)
        assert caught.value.hint.startswith("add the service to the service file of libpq, or correct 'main'")


class TestLook:
    @pytest.mark.parametrize(
        ("dsn", "shown"),
        [
            ("host=db user=app", "host=db user=app dbname=studio"),
            (f"host=db user=app password='{PASSWORD}'", "host=db user=app dbname=studio"),
            ("postgresql://app:open%20sesame@db:5433/postgres", "host=db port=5433 user=app dbname=studio"),
            ("postgresql://app@db/postgres?password=open%20sesame", "host=db user=app dbname=studio"),
            (
                f"host=db sslcert=c.pem sslkey=k.pem sslpassword='{PASSWORD}'",
                "host=db sslcert=c.pem sslkey=k.pem dbname=studio",
            ),
            ("service=live passfile=/etc/pass", "service=live passfile=/etc/pass dbname=studio"),
        ],
        ids=["plain", "password", "password in a URL", "password as a parameter", "password of a key", "service"],
    )
    def test_no_password(self, dsn: str, shown: str) -> None:
        """The command to look at a database names how to get there, and no password."""
        tenant = Tenant("1", SetName.TENANT, Server("main", dsn), "studio")
        command, conninfo = shlex.split(make_sessions(dsn).look(tenant))
        assert command == "psql"
        assert conninfo_to_dict(conninfo) == conninfo_to_dict(shown)

    @pytest.mark.parametrize("name", ["studio", "Studio 17", "it's", 'the "great" one', "$HOME"])
    @pytest.mark.parametrize("dsn", ["host=db", None], ids=["server", "embedded"])
    def test_typed_as_it_stands(self, name: str, dsn: str | None) -> None:
        """The command can be typed into a shell, whatever the database is called."""
        tenant = Tenant("1", SetName.TENANT, Server("main", dsn), name)
        look = make_sessions(dsn or "host=/run/socket").look(tenant)
        seen = subprocess.run(["sh", "-c", f"printf '%s\\n' {look}"], capture_output=True, text=True, check=True)
        words = seen.stdout.splitlines()
        if dsn is None:
            assert words == ["tenantry", "db", "psql", name]
        else:
            assert words[0] == "psql"
            assert conninfo_to_dict(words[1]) == {"host": "db", "dbname": name}

    def test_no_password_in_a_repr(self) -> None:
        """Neither a server nor a tenant shows its connection string."""
        tenant = Tenant("1", SetName.TENANT, Server("main", f"host=db password='{PASSWORD}'"), "studio")
        assert PASSWORD not in repr(tenant) + repr(tenant.server) + repr(make_sessions(str(tenant.server.dsn)))


class TestUnreachable:
    def connect(self, dsn: str, kind: type[TenantError] = Unreachable, exit_code: int = 5) -> str:
        """Return what is said where the database cannot be reached."""
        with pytest.raises(kind) as caught, make_sessions(dsn).connect(make_tenant(dsn)):
            pass
        assert (type(caught.value), caught.value.exit_code) == (kind, exit_code)
        assert PASSWORD not in str(caught.value) + caught.value.hint
        return str(caught.value)

    def test_no_server(self, tmp_path: Path) -> None:
        """Where no server listens, the socket that was tried is named in one line."""
        assert self.connect(f"host={tmp_path} dbname=studio password='{PASSWORD}'") == (
            f"server 'main': connection to server on socket \"{tmp_path}/.s.PGSQL.5432\" failed: "
            "No such file or directory; Is the server running locally and accepting connections on that socket?"
        )

    def test_wrong_port(self) -> None:
        """Where nothing listens on the port, host and port are named."""
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            port = silent.getsockname()[1]
            assert self.connect(f"host=127.0.0.1 port={port} dbname=studio password='{PASSWORD}'") == (
                f"server 'main': connection to server at \"127.0.0.1\", port {port} failed: Connection refused; "
                "Is the server running on that host and accepting TCP/IP connections?"
            )

    def test_database_missing(self, server_dsn: str) -> None:
        """A database that does not exist is named."""
        name = conninfo_to_dict(server_dsn)["host"]
        dsn = make_conninfo(server_dsn, dbname="nosuch", password=PASSWORD)
        assert self.connect(dsn, NoDatabase, 4) == (
            f"server 'main': connection to server on socket \"{name}/.s.PGSQL.5432\" failed: "
            'database "nosuch" does not exist'
        )

    def test_role_missing(self, server_dsn: str) -> None:
        """A role that does not exist is named."""
        name = conninfo_to_dict(server_dsn)["host"]
        dsn = make_conninfo(server_dsn, dbname="postgres", user="nosuch", password=PASSWORD)
        assert self.connect(dsn, Refused, 4) == (
            "server 'main': login refused for 'nosuch': connection to server on socket "
            f'"{name}/.s.PGSQL.5432" failed: '
            'role "nosuch" does not exist'
        )

    @pytest.mark.parametrize(
        ("option", "kind", "said", "hint"),
        [
            ("NOLOGIN", Refused, 'role "{role}" is not permitted to log in', "check user and password of 'main'"),
            (
                "LOGIN CONNECTION LIMIT 0",
                Blocked,
                'too many connections for role "{role}"',
                "close other connections, ",
            ),
            (
                "LOGIN",
                Refused,
                'permission denied for database "{database}"',
                "as its owner: GRANT CONNECT ON DATABASE {database} TO {role};",
            ),
        ],
        ids=["no login", "limit", "no right to connect"],
    )
    def test_role_refused(
        self, opened: Callable[..., Connection], option: str, kind: type[TenantError], said: str, hint: str
    ) -> None:
        """A role that may not log in, not once more, or not here, is told apart from a server that is down."""
        beside = opened()
        names = {"role": f"role_{beside.info.dbname}", "database": beside.info.dbname}
        role, database = sql.Identifier(names["role"]), sql.Identifier(names["database"])
        beside.execute(sql.SQL("CREATE ROLE {} ").format(role) + sql.SQL(option))
        beside.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(database))
        dsn = make_conninfo(beside.info.dsn, user=names["role"])
        try:
            with pytest.raises(kind) as caught, make_sessions(dsn).connect(make_tenant(dsn)):
                pass
        finally:
            beside.execute(sql.SQL("DROP ROLE {}").format(role))
        assert said.format(**names) in str(caught.value)
        assert caught.value.hint.startswith(hint.format(**names))

    @pytest.mark.slow
    def test_password(self, own_server: EmbeddedServer) -> None:
        """A password that is wrong or missing, and a host that no rule admits, are refused logins."""
        with psycopg.connect(own_server.dsn(), dbname="postgres", autocommit=True) as connection:
            connection.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'; CREATE ROLE outside LOGIN")
            (rules,) = connection.execute("SHOW hba_file").fetchone() or ("",)
            text = Path(rules).read_text("utf-8")
            Path(rules).write_text(f"local all guarded scram-sha-256\nlocal all outside reject\n{text}", "utf-8")
            connection.execute("SELECT pg_reload_conf()")
        given = conninfo_to_dict(own_server.dsn())
        base = make_conninfo("", host=given["host"], port=given["port"], dbname="postgres")
        for more, said in {
            f"user=guarded password='{PASSWORD}'": 'password authentication failed for user "guarded"',
            "user=guarded": "no password supplied",
            "user=outside": "pg_hba.conf rejects connection",
        }.items():
            dsn = f"{base} {more}"
            sessions = Sessions({"main": dsn}, Settings("tenantry/test"), passwords_from={"main": "DB_PASSWORD"})
            with pytest.raises(Refused) as caught, sessions.connect_to("main", "postgres"):
                pass
            assert said in str(caught.value)
            assert PASSWORD not in str(caught.value)
            hint = "check DB_PASSWORD, and the user of 'main' under servers in tenants.yaml"
            assert (caught.value.hint, caught.value.exit_code) == (hint, 4)

    def test_connection_lost(self, opened: Callable[..., Connection]) -> None:
        """A session that the administrator ends is unreachable, and not a fault of the database."""
        beside = opened()
        dsn = beside.info.dsn

        def work() -> None:
            with make_sessions(dsn).connect(make_tenant(dsn)) as connection:
                beside.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
                # The session ends when it looks: perhaps only at a later statement.
                wait_until(lambda: connection.execute("SELECT false").fetchone() == (True,))

        with pytest.raises(Unreachable) as caught:
            work()
        assert str(caught.value) == "connection lost: terminating connection due to administrator command"
        assert caught.value.hint == "run the same command again"

    def test_other_error(self, opened: Callable[..., Connection]) -> None:
        """An error outside of any migration is the tenant's alone, with its SQLSTATE."""
        dsn = opened().info.dsn
        with pytest.raises(TenantError) as caught, make_sessions(dsn).connect(make_tenant(dsn)) as connection:
            connection.execute("SELECT 1 / 0")
        assert str(caught.value) == "division by zero (22012)"
        assert type(caught.value) is TenantError
