"""Connections and locks on a real server: what they are opened with, who waits for whom, and what an error says."""

import os
import shlex
import socket
import subprocess
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from tenantry.model import Server, SetName, Tenant
from tenantry.model.errors import Blocked, Cancelled, NoDatabase, Refused, TenantError, Unreachable
from tenantry.model.events import LockAwaited
from tenantry.model.reading import choose_reading
from tenantry.model.results import Result
from tenantry.postgres import sessions
from tenantry.postgres.embedded.cluster import EmbeddedServer
from tenantry.postgres.failures import FailureKind, classify
from tenantry.postgres.runner_lock import describe_holder, poll, try_session_lock
from tenantry.postgres.send import send
from tenantry.postgres.sessions import Connection, Sessions, Settings
from tenantry.postgres.transaction import try_transaction_lock
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import (
    LONG_MS,
    WAIT_AT_GATE,
    MakeSite,
    at_once,
    finish,
    make_sessions,
    make_tenant,
    wait_until,
)

PASSWORD = "open sesame"
INDEX = {
    "0001_rooms.sql": "CREATE TABLE rooms (id int)",
    "0002_index.sql": "-- transactional: false\nCREATE INDEX CONCURRENTLY rooms_id ON rooms (id)",
}


@pytest.fixture
def opened(database: MakeDatabase) -> Iterator[Callable[..., Connection]]:
    """Return a callable that opens connections of the runner to one database, closed after the test."""
    dsn = database()
    with ExitStack() as stack:

        def connect(**settings: Any) -> Connection:
            return stack.enter_context(make_sessions(dsn, **settings).connect(make_tenant(dsn)))

        yield connect


def show(connection: Connection, setting: str) -> str:
    """Return the value of a setting."""
    row = connection.execute(sql.SQL("SHOW {}").format(sql.Identifier(setting))).fetchone()
    assert row is not None
    return str(row[0])


def await_lock(connection: Connection, wait_ms: int) -> list[LockAwaited]:
    """Poll for the migration lock until it is had; return how often it was awaited. Raises Blocked."""
    return list(poll(lambda: try_transaction_lock(connection), connection, "1", wait_ms))


class TestSettings:
    def test_start_up(self, opened: Callable[..., Connection]) -> None:
        """The lock timeout and the name of the run are there from the first statement on, in UTF-8."""
        connection = opened(lock_timeout_ms=1234)
        assert show(connection, "lock_timeout") == "1234ms"
        assert show(connection, "application_name") == "tenantry/test"
        assert show(connection, "client_encoding") == "UTF8"
        assert connection.autocommit
        assert connection.prepare_threshold is None

    def test_five_seconds(self, opened: Callable[..., Connection]) -> None:
        """Nobody waits longer than five seconds for a lock on a table, unless told so."""
        assert show(opened(), "lock_timeout") == "5s"

    def test_reset(self, opened: Callable[..., Connection]) -> None:
        """RESET ALL brings back what the connection was opened with, and not the server's default."""
        connection = opened()
        connection.execute("SET lock_timeout = 0; SET application_name = 'other'; SET client_encoding = 'LATIN1'")
        connection.execute("RESET ALL")
        assert show(connection, "lock_timeout") == "5s"
        assert show(connection, "application_name") == "tenantry/test"
        assert show(connection, "client_encoding") == "UTF8"

    def test_options_kept(self, database: MakeDatabase) -> None:
        """Options of the connection string stay beside ours; what they say of lock_timeout is meant."""
        dsn = make_conninfo(database(), options="-c statement_timeout=61s -c lock_timeout=1", connect_timeout="7")
        with make_sessions(dsn).connect(make_tenant(dsn)) as connection:
            assert show(connection, "statement_timeout") == "61s"
            assert show(connection, "lock_timeout") == "1ms"

    def test_look_at_the_client(self, opened: Callable[..., Connection]) -> None:
        """A server looks at its client only where that is wanted, also after RESET ALL."""
        connection = opened(look_ms=2_000)
        connection.execute("RESET ALL")
        assert show(connection, sessions._LOOK) == "2s"
        assert show(opened(), sessions._LOOK) == "0"

    def test_a_server_that_cannot_look(self, database: MakeDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
        """A server, or pooler, that refuses the setting is connected to without it, and is not asked again."""
        monkeypatch.setattr(sessions, "_LOOK", "client_unheard_of")
        dsn = database()
        opening = make_sessions(dsn, look_ms=2_000)
        for _ in range(2):
            with opening.connect(make_tenant(dsn)) as connection:
                assert show(connection, "lock_timeout") == "5s"
        assert opening._sightless == {"main"}


# What old applications' roles are set to, and what tenantry makes of it.
OTHERWISE = {
    "standard_conforming_strings": ("off", "on"),
    "backslash_quote": ("on", "safe_encoding"),
    "array_nulls": ("off", "on"),
    "transform_null_equals": ("on", "off"),
    "DateStyle": ("German, DMY", "ISO, MDY"),
    "IntervalStyle": ("sql_standard", "postgres"),
    "TimeZone": ("Asia/Tokyo", "UTC"),
    "xmloption": ("document", "content"),
    "xmlbinary": ("hex", "base64"),
    "bytea_output": ("escape", "hex"),
    "extra_float_digits": ("-15", "1"),
    "check_function_bodies": ("off", "on"),
}
OURS = {name: ours for name, (_, ours) in OTHERWISE.items()}


def show_reading(connection: Connection) -> dict[str, str]:
    """Return the settings of a session that decide how SQL is read."""
    return {name: show(connection, name) for name in OTHERWISE}


@pytest.fixture
def old_dsn(database: MakeDatabase) -> str:
    """Return the connection string of a database whose settings have SQL read otherwise."""
    dsn = database()
    with psycopg.connect(dsn, autocommit=True) as beside:
        for name, (value, _) in OTHERWISE.items():
            text = sql.SQL("ALTER DATABASE {} SET {} = {}")
            parts = (
                sql.Identifier(beside.info.dbname),
                sql.Identifier(name),
                sql.SQL(", ").join(map(sql.Literal, value.split(", "))),
            )
            beside.execute(text.format(*parts))
    return dsn


class TestReading:
    def test_of_the_database(self, old_dsn: str) -> None:
        """What the database is set to decides nothing, from the first statement on and after RESET ALL."""
        with make_sessions(old_dsn).connect(make_tenant(old_dsn)) as connection:
            assert show_reading(connection) == OURS
            connection.execute("SET standard_conforming_strings = off; SET TimeZone = 'Asia/Tokyo'")
            connection.execute("RESET ALL")
            assert show_reading(connection) == OURS

    def test_of_the_connection_string(self, database: MakeDatabase) -> None:
        """Nor does the connection string, whose other options hold."""
        options = " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, (value, _) in OTHERWISE.items())
        dsn = make_conninfo(database(), options=f"{options} -c statement_timeout=61s")
        with make_sessions(dsn).connect(make_tenant(dsn)) as connection:
            assert show_reading(connection) == OURS
            assert show(connection, "statement_timeout") == "61s"

    def test_of_the_environment(self, database: MakeDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nor do the variables that libpq sends after our start-up packet's options, within a transaction of ours."""
        monkeypatch.setenv("PGTZ", "Asia/Tokyo")
        monkeypatch.setenv("PGDATESTYLE", "German")
        monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=61s -c array_nulls=off")
        dsn = database()
        with make_sessions(dsn).connect(make_tenant(dsn)) as connection:
            assert try_transaction_lock(connection)
            assert show_reading(connection) == OURS
            assert show(connection, "statement_timeout") == "61s"

    def test_of_a_service(self, old_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nor does a service, whose own options hold."""
        given = conninfo_to_dict(old_dsn)
        options = "-c statement_timeout=61s -c lock_timeout=7s -c standard_conforming_strings=off"
        lines = [f"{name}={given[name]}" for name in ("host", "port", "user")]
        (tmp_path / "services").write_text("\n".join(("[studio]", *lines, f"options={options}", "")), "utf-8")
        monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
        sessions = make_sessions("service=studio")
        assert sessions.is_told_timeout("main")
        with sessions.connect_to("main", str(given["dbname"])) as connection:
            assert show_reading(connection) == OURS
            assert (show(connection, "statement_timeout"), show(connection, "lock_timeout")) == ("61s", "7s")

    def test_chosen(self, old_dsn: str) -> None:
        """What tenants.yaml chooses holds for every tenant."""
        sessions = make_sessions(old_dsn, reading=choose_reading({"DateStyle": "ISO, DMY", "array_nulls": "off"}))
        with sessions.connect(make_tenant(old_dsn)) as connection:
            assert show_reading(connection) == OURS | {"DateStyle": "ISO, DMY", "array_nulls": "off"}

    @pytest.mark.parametrize("header", ["", "-- transactional: false\n"], ids=["transactional", "by statement"])
    def test_string_stays_a_string(self, site: MakeSite, header: str) -> None:
        """A statement inside a string, as the parser and a reader see it, is not run."""
        paths = "INSERT INTO rules VALUES ('\\files\\new\\'), (';DELETE FROM stock;--');\n"
        here = site({"0001_stock.sql": "CREATE TABLE stock (a text); INSERT INTO stock VALUES ('a')"})
        here.query(f"ALTER DATABASE {here.databases['1']} SET standard_conforming_strings = off")
        here.write({"0002_rules.sql": f"{header}CREATE TABLE rules (a text);\n{paths}"})
        assert here.migrate().exit_code == 0
        assert here.query("SELECT a FROM rules") == [("\\files\\new\\",), (";DELETE FROM stock;--",)]
        assert here.query("SELECT a FROM stock") == [("a",)]

    @pytest.mark.parametrize("header", ["", "-- transactional: false\n"], ids=["transactional", "by statement"])
    def test_file_sets_its_own(self, site: MakeSite, header: str) -> None:
        """A file may set its own for all of its statements, and the next file does not have it."""
        insert = "INSERT INTO seen VALUES (current_setting('TimeZone'));\n"
        own = f"{header}SET TimeZone = 'Asia/Tokyo';\n{insert}{insert}"
        here = site({"0001_seen.sql": "CREATE TABLE seen (a text)", "0002_own.sql": own, "0003_next.sql": insert})
        assert here.migrate().exit_code == 0
        assert here.query("SELECT a FROM seen") == [("Asia/Tokyo",), ("Asia/Tokyo",), ("UTC",)]


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


class TestCreateDatabase:
    def test_two_at_once(self, database: MakeDatabase) -> None:
        """Any number of runners may create a database at once: none fails, and there it is."""
        for dsn in [database() for _ in range(3)]:
            self.drop(dsn)
            tenant, sessions = make_tenant(dsn), make_sessions(make_conninfo(dsn, dbname="postgres"))
            with ThreadPoolExecutor(2) as pool:
                made = list(pool.map(sessions.create_database, [tenant, tenant]))
            assert any(made)
            assert sessions.exists(tenant)

    def test_there_before(self, database: MakeDatabase) -> None:
        """A database that is there is not created, and what is missing is something else."""
        dsn = database()
        server = make_conninfo(dsn, dbname="postgres")
        assert make_sessions(server).create_database(make_tenant(dsn)) is False

    def test_name_quoted(self, database: MakeDatabase) -> None:
        """The database has the name that it was given, whatever has to be quoted."""
        server = make_conninfo(database(), dbname="postgres")
        name = f'Studio "{conninfo_to_dict(database())["dbname"]}" 17'
        tenant = Tenant("1", SetName.TENANT, Server("main", server), name)
        try:
            assert make_sessions(server).create_database(tenant)
            with make_sessions(server).connect(tenant) as connection:
                assert connection.info.dbname == name
        finally:
            self.drop(make_conninfo(server, dbname=name))

    def test_not_allowed(self, database: MakeDatabase) -> None:
        """A role that may not create databases is told so, with the SQL that allows it or does it."""
        dsn = database()
        name = str(conninfo_to_dict(dsn)["dbname"])
        self.drop(dsn)
        with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as beside:
            beside.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
            try:
                with pytest.raises(Refused) as caught:
                    make_sessions(make_conninfo(dsn, dbname="postgres", user=name)).create_database(make_tenant(dsn))
            finally:
                beside.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
        said = f"server 'main': the database {name!r} cannot be created: permission denied to create database"
        assert str(caught.value) == said
        assert caught.value.hint == (
            f"as a superuser: ALTER ROLE {name} CREATEDB; or create it yourself: CREATE DATABASE {name} OWNER {name};"
        )

    def test_not_for_another(self, database: MakeDatabase) -> None:
        """A role that may not create databases for the role of its tenant is told how to become its member."""
        dsn = database()
        name = str(conninfo_to_dict(dsn)["dbname"])
        self.drop(dsn)
        tenant = replace(make_tenant(dsn), role=f"{name}_owner")
        with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as beside:
            beside.execute(f"CREATE ROLE {name} LOGIN CREATEDB; CREATE ROLE {name}_owner")
            sessions = make_sessions(make_conninfo(dsn, dbname="postgres", user=name))
            try:
                with pytest.raises(Refused) as caught:
                    sessions.create_database(tenant)
                grant = caught.value.hint.removeprefix("as a superuser: ").partition(" or ")[0]
                assert grant == f"GRANT {name}_owner TO {name};"
                beside.execute(grant)
                assert sessions.create_database(tenant)
                self.drop(dsn)
            finally:
                beside.execute(f"DROP ROLE {name}, {name}_owner")

    def test_no_server(self, tmp_path: Path) -> None:
        """Where the server does not answer, nobody knows whether the database exists."""
        dsn = f"host={tmp_path} dbname=studio"
        assert make_sessions(dsn).exists(make_tenant(dsn)) is None
        with pytest.raises(Unreachable):
            make_sessions(dsn).create_database(make_tenant(dsn))

    @staticmethod
    def drop(dsn: str) -> None:
        """Drop the database of a connection string."""
        name = str(conninfo_to_dict(dsn)["dbname"])
        with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


class TestLock:
    @pytest.mark.parametrize(
        "end",
        [Connection.commit, Connection.rollback, Connection.close, lambda connection: connection.execute("COMMIT")],
        ids=["commit", "rollback", "close", "COMMIT as a statement"],
    )
    def test_transaction_lock(self, opened: Callable[..., Connection], end: Callable[[Connection], object]) -> None:
        """The lock of a transaction is held by one alone, and goes with the transaction, however that ends."""
        first, second = opened(), opened()
        assert try_transaction_lock(first)
        assert not try_transaction_lock(second)
        end(first)
        wait_until(lambda: try_transaction_lock(second) is not None)

    def test_session_lock(self, opened: Callable[..., Connection]) -> None:
        """The lock of a session outlives its transactions, excludes those of transactions, and goes with it."""
        first, second, third = opened(), opened(), opened()
        assert try_session_lock(first)
        first.execute("BEGIN; COMMIT")
        assert not try_session_lock(second)
        assert not try_transaction_lock(third)
        first.close()
        wait_until(lambda: try_session_lock(second))
        assert not try_transaction_lock(third)

    def test_nothing_left_open(self, opened: Callable[..., Connection]) -> None:
        """A transaction is open exactly where the lock was had."""
        first, second = opened(), opened()
        assert try_transaction_lock(first)
        assert first.info.transaction_status is TransactionStatus.INTRANS
        assert not try_transaction_lock(second)
        assert second.info.transaction_status is TransactionStatus.IDLE

    def test_one_database(self, database: MakeDatabase) -> None:
        """The lock of one database keeps nobody out of another one."""
        dsns = database(), database()
        with ExitStack() as stack:
            held = [stack.enter_context(make_sessions(dsn).connect(make_tenant(dsn))) for dsn in dsns]
            assert all(try_transaction_lock(connection) for connection in held)

    def test_read_committed(self, opened: Callable[..., Connection]) -> None:
        """Under the lock what others have committed is seen, whatever the database's default."""
        name = sql.Identifier(opened().info.dbname)
        opened().execute(sql.SQL("ALTER DATABASE {} SET default_transaction_isolation = serializable").format(name))
        connection = opened()
        assert show(connection, "transaction_isolation") == "serializable"
        assert try_transaction_lock(connection)
        assert show(connection, "transaction_isolation") == "read committed"

    def test_blocked(self, opened: Callable[..., Connection]) -> None:
        """Who waits for the lock says so, and gives up after the time with the holder named."""
        holder, waiter = opened(), opened()
        holder.execute("SET application_name = 'psql of Ada'")
        assert try_transaction_lock(holder)
        seen: list[LockAwaited] = []
        with pytest.raises(Blocked) as caught:
            seen.extend(poll(lambda: try_transaction_lock(waiter), waiter, "16", 150))
        assert {event.tenant for event in seen} == {"16"}
        pid = holder.info.backend_pid
        assert seen[0].holder == f"pid {pid}, psql of Ada, user postgres, for 0 s"
        assert seen == sorted(seen, key=lambda event: event.waited_ms)
        said = str(caught.value)
        assert said.startswith("another session has held the migration lock ")
        assert said.endswith(f": pid {pid}, psql of Ada, user postgres, for 0 s")
        assert caught.value.hint == (
            "wait for it to end and run the same command again, or wait longer with --lock-wait"
        )
        assert waiter.info.transaction_status is TransactionStatus.IDLE

    def test_no_wait(self, opened: Callable[..., Connection]) -> None:
        """With no time to wait, one try is made, and no event."""
        holder, waiter = opened(), opened()
        assert try_transaction_lock(holder)
        with pytest.raises(Blocked):
            await_lock(waiter, 0)
        holder.rollback()
        assert await_lock(waiter, 0) == []

    def test_had_in_the_end(self, opened: Callable[..., Connection]) -> None:
        """Who waits has the lock as soon as its holder lets go."""
        holder, waiter = opened(), opened()
        assert try_transaction_lock(holder)
        waiting = poll(lambda: try_transaction_lock(waiter), waiter, "1", 60_000)
        next(waiting)
        holder.rollback()
        list(waiting)
        assert waiter.info.transaction_status is TransactionStatus.INTRANS

    def test_holder_of_another_role(self, opened: Callable[..., Connection], database: MakeDatabase) -> None:
        """A role that sees little of other sessions is told what it may know of the holder, and no None."""
        holder = opened()
        name = f"role_{holder.info.dbname}"
        holder.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
        try:
            assert try_transaction_lock(holder)
            dsn = make_conninfo(holder.info.dsn, user=name)
            with make_sessions(dsn).connect(make_tenant(dsn)) as other:
                said = describe_holder(other)
        finally:
            holder.rollback()
            holder.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
        assert said.startswith(f"pid {holder.info.backend_pid}, ")
        assert "None" not in said

    def test_nobody_holds_it(self, opened: Callable[..., Connection]) -> None:
        """Where nobody holds the lock, nobody is described: another advisory lock is not ours."""
        first, second = opened(), opened()
        first.execute("SELECT pg_advisory_lock(1)")
        assert describe_holder(second) == ""


class TestPolling:
    def test_no_deadlock(self, site: MakeSite) -> None:
        """A runner that waits for another one does not hold up its CREATE INDEX CONCURRENTLY."""
        here = site(INDEX)
        here.migrate(migrations=here.project().files(here.project().tenants[0])[:1])
        with here.connect() as reader:
            # An index that is built concurrently waits for every transaction that may not see it.
            reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM rooms")
            with at_once(lambda: here.migrate(lock_timeout_ms=LONG_MS)) as first:
                here.await_waiting()
                second = here.steps()
                waits = [next(event for event in second if isinstance(event, LockAwaited)) for _ in range(2)]
                reader.execute("COMMIT")
                verdict = finish(second)
        assert first.result().applied == ["0002_index"]
        assert verdict.result is Result.UP_TO_DATE
        assert all("tenantry/" in event.holder for event in waits)
        assert here.query("SELECT indisvalid FROM pg_index WHERE indexrelid = 'rooms_id'::regclass") == [(True,)]


class TestCancel:
    def test_running(self, opened: Callable[..., Connection]) -> None:
        """What a connection is running is cancelled, and said to be so rather than failed."""
        beside = opened()
        beside.execute("SELECT pg_advisory_lock(77)")
        sessions = make_sessions(beside.info.dsn, lock_timeout_ms=LONG_MS)

        def wait() -> None:
            with sessions.connect(make_tenant(beside.info.dsn)) as connection:
                connection.execute(WAIT_AT_GATE.encode())

        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(wait)
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 77"
            wait_until(lambda: beside.execute(waiting).fetchone() == (1,))
            sessions.cancel()
            with pytest.raises(Cancelled) as caught:
                running.result()
        assert str(caught.value) == "cancelled"
        assert sessions.cancelled

    def test_nothing_to_cancel(self, opened: Callable[..., Connection]) -> None:
        """Cancelling is harmless where nothing runs, and where the connection is gone."""
        dsn = opened().info.dsn
        sessions = make_sessions(dsn)
        sessions.cancel()
        with sessions.connect(make_tenant(dsn)) as connection:
            sessions.cancel()
            assert connection.execute("SELECT 1").fetchone() == (1,)

    def test_cancelled_by_another(self, opened: Callable[..., Connection]) -> None:
        """A statement that its statement_timeout ended was not cancelled by us."""
        dsn = make_conninfo(opened().info.dsn, options="-c statement_timeout=500")
        with pytest.raises(TenantError) as caught, make_sessions(dsn).connect(make_tenant(dsn)) as connection:
            connection.execute("SELECT pg_sleep(60)")
        assert str(caught.value) == "canceling statement due to statement timeout (57014)"


class TestSend:
    @pytest.mark.parametrize(
        ("text", "statements"),
        [
            ("", 0),
            ("-- nothing", 0),
            (";;", 0),
            ("SELECT 1", 1),
            ("SELECT 1; SELECT 2 WHERE false; CREATE TABLE t (a int); INSERT INTO t VALUES (1)", 4),
            ("SELECT '100%' LIKE '%s', $$;$$; SELECT '%(a)s'", 2),
            ("DO $$ BEGIN RAISE NOTICE 'a'; END $$; SELECT generate_series(1, 10000)", 2),
            ("SELECT 'é\U0001f3b8'", 1),
        ],
        ids=["empty", "comment", "semicolons", "one", "four", "percent", "notice and many rows", "multi-byte"],
    )
    def test_counted(self, opened: Callable[..., Connection], text: str, statements: int) -> None:
        """The statements that ran are counted as the server tells them apart."""
        sent = send(opened(), text)
        assert (sent.statements, sent.error) == (statements, None)

    @pytest.mark.parametrize(
        ("text", "statements", "state"),
        [
            ("CREATE TABLE t (a int); SELECT 1; SELECT 1 / 0; SELECT 2", 2, "22012"),
            ("SELECT 1 / 0", 0, "22012"),
            ("SELECT 1; SELCT 2", 0, "42601"),
            ("SELECT 1; DO 'BEGIN COMMIT; END'; SELECT 1 FROM nosuch", 1, "2D000"),
        ],
        ids=["third", "first", "syntax", "in a block"],
    )
    def test_failing(self, opened: Callable[..., Connection], text: str, statements: int, state: str) -> None:
        """How many statements ran before the one that failed is known, and nothing of them stays."""
        connection = opened()
        sent = send(connection, text)
        assert sent.error is not None
        assert (sent.statements, sent.error.sqlstate) == (statements, state)
        assert connection.info.transaction_status is TransactionStatus.IDLE
        assert connection.execute("SELECT to_regclass('t')").fetchone() == (None,)

    @pytest.mark.parametrize("text", ["COPY t FROM stdin", "COPY t TO stdout", "COPY t FROM stdin; SELECT 2"])
    def test_copy(self, opened: Callable[..., Connection], text: str) -> None:
        """A COPY that wants rows from us, or has some for us, is an error, and the connection does not hang."""
        connection = opened()
        connection.execute("BEGIN")
        sent = send(connection, f"CREATE TABLE t (a int); SELECT 1; {text}")
        assert (sent.statements, str(sent.error)) == (2, "COPY from or to the client is not possible in a file")
        assert connection.closed
        assert opened().execute("SELECT to_regclass('t')").fetchone() == (None,)

    def test_lost(self, opened: Callable[..., Connection]) -> None:
        """A connection that breaks is told apart from a statement that fails."""
        connection = opened()
        sent = send(connection, "SELECT pg_terminate_backend(pg_backend_pid())")
        assert sent.error is not None
        assert classify(sent.error, connection) is FailureKind.LOST

    def test_encoding(self, database: MakeDatabase) -> None:
        """A database in another encoding takes a UTF-8 file, and names the character that it does not have."""
        dsn = database()
        name = sql.Identifier(str(conninfo_to_dict(dsn)["dbname"]))
        with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as beside:
            beside.execute(sql.SQL("DROP DATABASE {}").format(name))
            text = "CREATE DATABASE {} ENCODING 'LATIN1' TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C'"
            beside.execute(sql.SQL(text).format(name))
        with make_sessions(dsn).connect(make_tenant(dsn)) as connection:
            assert send(connection, "CREATE TABLE t AS SELECT 'é' AS a").error is None
            assert connection.execute("SELECT octet_length(a), a FROM t").fetchone() == (1, "é")
            error = send(connection, "SELECT '€'").error
            assert error is not None
            assert error.sqlstate == "22P05"
