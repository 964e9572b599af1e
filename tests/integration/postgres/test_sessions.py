"""The settings of a session: ours, whatever the server, the database or the role has set."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tenantry.model.reading import choose_reading
from tenantry.postgres import sessions
from tenantry.postgres.sessions import Connection
from tenantry.postgres.transaction import try_transaction_lock
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import MakeSite, make_sessions, make_tenant
from tests.integration.postgres.fix_sessions import show


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
