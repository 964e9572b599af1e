"""SCRAM keys on a real server: made once, used where they fit, and never a reason to fail."""

import base64
import hashlib
import logging
import os
import re
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import pq
from psycopg.conninfo import make_conninfo

from tenantry.model.errors import NoDatabase, Refused, TenantError
from tenantry.postgres import refusals, scram
from tenantry.postgres.sessions import Sessions
from tests.fix_pgbouncer import StartPooler
from tests.fix_scram import Guarded, MakeRole
from tests.integration.fix_site import make_sessions

PASSWORD = "open sesame 'n\\more"
QUOTED = PASSWORD.replace("'", "''")

pytestmark = pytest.mark.skipif(
    not scram.can_trace(), reason="keys need Linux, and a libpq of 18 or newer: without them, all is as it was"
)


@pytest.fixture
def stretched(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return the salts that passwords were stretched with in this process, but for libpq's own."""
    salts: list[bytes] = []
    stretch = hashlib.pbkdf2_hmac

    def spying(name: str, password: bytes, salt: bytes, iterations: int) -> bytes:
        salts.append(salt)
        return stretch(name, password, salt, iterations)

    monkeypatch.setattr(hashlib, "pbkdf2_hmac", spying)
    return salts


@pytest.fixture
def role(make_role: MakeRole) -> str:
    """Return a role whose password is PASSWORD."""
    return make_role(QUOTED)


def open_one(sessions: Sessions, database: str = "postgres") -> dict[str, str]:
    """Open a connection and use it; return the keys that it was opened with, and the server's address, if any."""
    with sessions.connect_to("main", database) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert connection.autocommit
        assert connection.prepare_threshold is None
        given = connection.info.get_parameters()
    return {name: given[name] for name in ("scram_client_key", "scram_server_key", "hostaddr") if name in given}


def open_all(sessions: Sessions, times: int) -> list[bool]:
    """Open connections, one after the other; return for each whether it had keys."""
    return ["scram_client_key" in open_one(sessions) for _ in range(times)]


class TestKeys:
    def test_derived_once(self, guarded: Guarded, role: str, stretched: list[bytes]) -> None:
        """Two handshakes show the salt; then a password is stretched once, for all databases."""
        sessions = make_sessions(guarded.dsn(role, password=PASSWORD))
        assert open_all(sessions, 2) == [False, False]
        assert stretched == []
        assert [bool(open_one(sessions, name)) for name in ("postgres", "template1", "postgres")] == [True] * 3
        assert len(stretched) == 1
        assert guarded.refused(role) == 0

    def test_as_the_server_has_them(self, guarded: Guarded, role: str) -> None:
        """The keys are those whose digests the server keeps, and log in without the password."""
        sessions = make_sessions(guarded.dsn(role, password=PASSWORD))
        keys = [open_one(sessions) for _ in range(3)][-1]
        ((secret,),) = guarded.run(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{role}'")
        stored, server = str(secret).rsplit("$", 1)[1].split(":")
        client_key = base64.b64decode(keys["scram_client_key"])
        assert base64.b64encode(hashlib.sha256(client_key).digest()).decode() == stored
        assert keys["scram_server_key"] == server
        psycopg.connect(guarded.dsn(role, dbname="postgres", **keys)).close()

    def test_few_connections(self, guarded: Guarded, role: str, stretched: list[bytes]) -> None:
        """A run of two connections stretches nothing that libpq would not."""
        open_all(make_sessions(guarded.dsn(role, password=PASSWORD)), 2)
        assert stretched == []

    def test_own_iterations(self, guarded: Guarded, make_role: MakeRole) -> None:
        """The number of iterations is the role's own, as the salt is."""
        role = make_role(QUOTED, iterations=5000)
        assert open_all(make_sessions(guarded.dsn(role, password=PASSWORD)), 4) == [False, False, True, True]

    def test_threads(self, guarded: Guarded, role: str, stretched: list[bytes]) -> None:
        """Threads that begin at once all connect; one derives, and nobody is refused."""
        sessions = make_sessions(guarded.dsn(role, password=PASSWORD))
        with ThreadPoolExecutor(8) as pool:
            opened = list(pool.map(lambda _: bool(open_one(sessions)), range(40)))
        assert opened[-1]
        assert len(stretched) == 1
        assert guarded.refused(role) == 0

    def test_roles_apart(self, guarded: Guarded, make_role: MakeRole, stretched: list[bytes]) -> None:
        """Each role has keys of its own, and so has each run."""
        for name in (make_role(QUOTED), make_role(QUOTED)):
            for _ in range(2):
                open_all(make_sessions(guarded.dsn(name, password=PASSWORD)), 4)
        assert len(stretched) == 4
        assert len(set(stretched)) == 2

    def test_nothing_stays_open(self, guarded: Guarded, role: str) -> None:
        """A trace is closed with its handshake, also with one that fails."""
        before = len([*Path("/proc/self/fd").iterdir()])
        open_all(make_sessions(guarded.dsn(role, password=PASSWORD)), 4)
        sessions = make_sessions(guarded.dsn(role, password="wrong"))
        for _ in range(4):
            with pytest.raises(Refused):
                open_one(sessions)
        assert len([*Path("/proc/self/fd").iterdir()]) == before


class TestWayToThePassword:
    def test_service(self, guarded: Guarded, role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A password in a service file makes keys."""
        text = guarded.dsn(role).replace(" ", "\n")
        (tmp_path / "services").write_text(f"[live]\n{text}\npassword={PASSWORD}\n", "utf-8")
        monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
        assert open_all(make_sessions("service=live"), 4) == [False, False, True, True]

    def test_environment(self, guarded: Guarded, role: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """So does one in the environment."""
        monkeypatch.setenv("PGPASSWORD", PASSWORD)
        assert open_all(make_sessions(guarded.dsn(role)), 4) == [False, False, True, True]

    def test_passfile(self, guarded: Guarded, role: str, tmp_path: Path) -> None:
        """A passfile, which may have a password for each database, makes none: the database says which one counts."""
        passwords = {"postgres": PASSWORD.replace("\\", "\\\\"), "template1": "wrong"}
        lines = [f"*:*:{database}:{role}:{password}\n" for database, password in passwords.items()]
        (tmp_path / "pass").write_text("".join(lines), "utf-8")
        (tmp_path / "pass").chmod(0o600)
        sessions = make_sessions(guarded.dsn(role, passfile=str(tmp_path / "pass")))
        assert open_all(sessions, 4) == [False] * 4
        with pytest.raises(Refused):
            open_one(sessions, "template1")

    def test_keys_of_ones_own(self, guarded: Guarded, role: str, stretched: list[bytes]) -> None:
        """Keys in the connection string are used as they are."""
        sessions = make_sessions(guarded.dsn(role, password=PASSWORD))
        keys = [open_one(sessions) for _ in range(3)][-1]
        given = make_sessions(guarded.dsn(role, password="not used", **keys))
        assert [open_one(given) for _ in range(4)] == [keys] * 4
        assert len(stretched) == 1

    def test_other_letters(self, guarded: Guarded, make_role: MakeRole) -> None:
        """A password that libpq would prepare first is left to libpq."""
        role = make_role("pässwörd ﬁ ªb")
        assert open_all(make_sessions(guarded.dsn(role, password="pässwörd ﬁ ªb")), 4) == [False] * 4


class TestOtherMethods:
    @pytest.mark.parametrize("group", ["hashed", "in_clear", "trusted"])
    def test_no_scram(self, guarded: Guarded, make_role: MakeRole, group: str, stretched: list[bytes]) -> None:
        """Where the server asks for no SCRAM, logins are as they were, and no further handshake is traced."""
        role = make_role(QUOTED, group)
        assert open_all(make_sessions(guarded.dsn(role, password=PASSWORD)), 4) == [False] * 4
        assert stretched == []

    def test_method_required(self, guarded: Guarded, role: str) -> None:
        """Methods that the user rules out stay ruled out, with keys at hand or not."""
        only = make_sessions(guarded.dsn(role, password=PASSWORD, require_auth="scram-sha-256"))
        assert open_all(only, 4) == [False, False, True, True]
        other = make_sessions(guarded.dsn(role, password=PASSWORD, require_auth="md5"))
        for _ in range(4):
            with pytest.raises(Refused) as caught:
                open_one(other)
            assert "authentication method requirement" in str(caught.value)

    def test_old_libpq(self, guarded: Guarded, role: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A libpq that knows no keys gets none."""
        monkeypatch.setattr(pq, "version", lambda: 170005)
        assert open_all(make_sessions(guarded.dsn(role, password=PASSWORD)), 4) == [False] * 4

    def test_no_file(self, guarded: Guarded, role: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A system that refuses a file in memory has the password used."""

        def refuse(name: str) -> int:
            raise OSError(name)

        monkeypatch.setattr(os, "memfd_create", refuse)
        assert open_all(make_sessions(guarded.dsn(role, password=PASSWORD)), 4) == [False] * 4

    def test_other_salts(self, guarded: Guarded, role: str) -> None:
        """Handshakes with two salts, as a pooler may give them, make no keys, and no login is refused."""
        sessions = make_sessions(guarded.dsn(role, password=PASSWORD))
        open_one(sessions)
        guarded.run(f"ALTER ROLE {role} PASSWORD '{QUOTED}'")
        assert open_all(sessions, 4) == [False] * 4
        assert guarded.refused(role) == 0


class TestEncrypted:
    @pytest.mark.parametrize("binding", ["require", "prefer", "disable"])
    def test_channel_binding(self, guarded: Guarded, role: str, binding: str) -> None:
        """Keys bind a login to the encrypted channel as a password does; libpq checks that it does where required."""
        where = {"host": guarded.addresses[0], "sslmode": "require", "channel_binding": binding}
        sessions = make_sessions(guarded.dsn(role, password=PASSWORD, **where))
        assert open_all(sessions, 4) == [False, False, True, True]
        with sessions.connect_to("main", "postgres") as connection:
            row = connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
        assert row == (True,)

    def test_binding_not_to_be_had(self, guarded: Guarded, role: str) -> None:
        """Keys that are known do not log in on a channel that cannot be bound."""
        dsn = guarded.dsn(role, password=PASSWORD, channel_binding="require")
        for _ in range(3):
            with pytest.raises(TenantError) as caught:
                open_one(make_sessions(dsn))
            assert "channel binding required" in str(caught.value)

    def test_fallback_from_encryption(self, guarded: Guarded, role: str) -> None:
        """sslmode=prefer, the default, logs in with keys as well."""
        sessions = make_sessions(guarded.dsn(role, password=PASSWORD, host=guarded.addresses[0], sslmode="prefer"))
        assert open_all(sessions, 4) == [False, False, True, True]


class TestChanged:
    def test_wrong_from_the_start(self, guarded: Guarded, role: str, stretched: list[bytes]) -> None:
        """A wrong password is tried once for each connection, as ever."""
        sessions = make_sessions(guarded.dsn(role, password="wrong"))
        for times in (1, 2, 3):
            with pytest.raises(Refused) as caught:
                open_one(sessions)
            assert f'password authentication failed for user "{role}"' in str(caught.value)
            assert guarded.refused(role) == times
        assert stretched == []

    def test_in_mid_run(self, guarded: Guarded, role: str) -> None:
        """After a password was changed, keys are tried once, the password each time, and the error is the same."""
        sessions = make_sessions(guarded.dsn(role, password=PASSWORD))
        assert open_all(sessions, 3) == [False, False, True]
        guarded.run(f"ALTER ROLE {role} PASSWORD 'another'")
        for times in (2, 3, 4):
            with pytest.raises(Refused) as caught:
                open_one(sessions)
            assert f"login refused for {role!r}" in str(caught.value)
            assert guarded.refused(role) == times

    def test_same_password_again(self, guarded: Guarded, role: str) -> None:
        """The same password with another salt is no reason to fail; it is used itself from then on."""
        sessions = make_sessions(guarded.dsn(role, password=PASSWORD))
        assert open_all(sessions, 3) == [False, False, True]
        guarded.run(f"ALTER ROLE {role} PASSWORD '{QUOTED}'")
        assert open_all(sessions, 3) == [False] * 3
        assert guarded.refused(role) == 1

    def test_server_of_another_language(self, guarded: Guarded, role: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A refusal is understood whatever the server's language: any message that is not known may be one."""
        monkeypatch.setattr(refusals, "_LOGIN", re.compile("Passwort-Authentifizierung"))
        sessions = make_sessions(guarded.dsn(role, password=PASSWORD))
        open_all(sessions, 3)
        guarded.run(f"ALTER ROLE {role} PASSWORD '{QUOTED}'")
        assert open_all(sessions, 1) == [False]

    def test_encrypted_or_not(self, guarded: Guarded, role: str) -> None:
        """A refusal counts also where libpq then tried without encryption, which is refused for another reason."""
        sessions = make_sessions(guarded.dsn(role, password=PASSWORD, host=guarded.addresses[0], sslmode="prefer"))
        open_all(sessions, 3)
        guarded.run(f"ALTER ROLE {role} PASSWORD '{QUOTED}'")
        assert open_all(sessions, 1) == [False]

    def test_no_database(self, guarded: Guarded, role: str) -> None:
        """A database that is missing is no matter of keys: they stay, and nothing is tried twice."""
        sessions = make_sessions(guarded.dsn(role, password=PASSWORD))
        open_all(sessions, 3)
        guarded.run(f"ALTER ROLE {role} CONNECTION LIMIT 1")
        before = guarded.server.log.read_text("utf-8").count("nosuch")
        with pytest.raises(NoDatabase):
            open_one(sessions, "nosuch")
        assert guarded.server.log.read_text("utf-8").count("nosuch") == before + 1
        assert open_all(sessions, 1) == [True]


class TestHosts:
    def test_each_its_own(self, guarded: Guarded, role: str, stretched: list[bytes]) -> None:
        """Keys belong to the host that was reached; one that is out of reach before it makes no difference."""
        hosts = f"/nowhere,{guarded.addresses[1]}"
        sessions = make_sessions(guarded.dsn(role, password=PASSWORD, host=hosts))
        assert open_all(sessions, 4) == [False, False, True, True]
        assert len(stretched) == 1

    def test_stays_on_its_host(self, guarded: Guarded, role: str) -> None:
        """A host that refuses keys is tried with the password before the next one is."""
        sessions = make_sessions(guarded.dsn(role, password=PASSWORD, host=",".join(guarded.addresses)))
        assert open_all(sessions, 3) == [False, False, True]
        guarded.run(f"ALTER ROLE {role} PASSWORD '{QUOTED}'")
        assert open_one(sessions) == {"hostaddr": guarded.addresses[0]}


class TestPooler:
    @pytest.fixture
    def pooled(self, server_dsn: str) -> Iterator[tuple[str, str]]:
        """Lend a role of the server behind the pooler; also return what the server keeps of its password, `sesame`."""
        name = f"role_{secrets.token_hex(5)}"
        with psycopg.connect(server_dsn, dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'sesame'".encode())
            query = "SELECT rolpassword FROM pg_authid WHERE rolname = %s"
            ((secret,),) = connection.execute(query, [name]).fetchall()
            yield name, secret
            connection.execute(f"DROP ROLE {name}".encode())

    @pytest.mark.parametrize("kept", ["password", "secret"])
    def test_salt_for_each_login(
        self, pooled: tuple[str, str], start_pooler: StartPooler, own_folder: Path, kept: str
    ) -> None:
        """PgBouncer makes up a salt for each login of a password that it has in clear: these get no keys."""
        name, secret = pooled
        pooler = start_pooler(users={name: "sesame" if kept == "password" else secret})
        sessions = make_sessions(make_conninfo(pooler, user=name, password="sesame"))
        assert open_all(sessions, 5) == [False, False, *[kept == "secret"] * 3]
        (log,) = own_folder.glob("pool*/log")
        assert "authentication failed" not in log.read_text("utf-8")


class TestSecrets:
    def test_shown_nowhere(
        self,
        guarded: Guarded,
        role: str,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """Neither password nor keys are in a log of any level, on a stream, in a repr or in an error."""
        caplog.set_level(logging.DEBUG)
        sessions = make_sessions(guarded.dsn(role, password=PASSWORD))
        keys = [open_one(sessions) for _ in range(3)][-1]
        with sessions.connect_to("main", "postgres") as connection:
            said = [repr(connection), repr(connection.pgconn), repr(sessions), repr(vars(sessions)["_keyed"])]
        guarded.run(f"ALTER ROLE {role} PASSWORD 'another'")
        for database in ("postgres", "nosuch"):
            with pytest.raises(TenantError) as caught:
                open_one(sessions, database)
            said += [str(caught.value), repr(caught.value), caught.value.hint, str(caught.value.__context__)]
        streams = capfd.readouterr()
        shown = "".join((*said, caplog.text, streams.out, streams.err, guarded.server.log.read_text("utf-8")))
        assert not [one for one in (PASSWORD, QUOTED, *keys.values()) if one in shown]
        assert len(keys) == 2
