"""The canary: what shows that code of the attacker's ran with rights that are not his.

It must be seen in every kind of transaction, also in one that only reads or is rolled back, and whatever a role may
do: so it sings in the server's log. Where it has the rights to, it leaves a file and a role as well.
"""

from dataclasses import dataclass
from pathlib import Path

import psycopg

# Sessions of the suite itself look around in hostile databases: they are no prey.
SUITE = "suite"

# In two parts, so that the text of a statement that fails, and is logged for that, is no song.
_FUNCTIONS = """
CREATE SCHEMA evil AUTHORIZATION ATTACKER;
SET SESSION AUTHORIZATION ATTACKER;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE FUNCTION evil.fire() RETURNS pg_catalog.void LANGUAGE plpgsql AS $evil$
BEGIN
    IF session_user OPERATOR(pg_catalog.=) 'ATTACKER'
        OR pg_catalog.current_setting('application_name') OPERATOR(pg_catalog.=) 'SUITE' THEN
        RETURN;
    END IF;
    CANARY
END $evil$;
-- What is called immutable runs when a query is planned, too; an inner function may do whatever it likes.
CREATE FUNCTION evil.yes(pg_catalog.anyelement) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    'BEGIN PERFORM evil.fire(); RETURN true; END';
CREATE FUNCTION evil.same(pg_catalog.anyelement) RETURNS pg_catalog.anyelement LANGUAGE plpgsql IMMUTABLE AS
    'BEGIN PERFORM evil.fire(); RETURN $1; END';
CREATE FUNCTION evil.spy(pg_catalog.anyelement) RETURNS pg_catalog.anyelement LANGUAGE plpgsql VOLATILE AS
    'BEGIN PERFORM evil.fire(); RETURN $1; END';
CREATE FUNCTION evil.tick() RETURNS pg_catalog.timestamptz LANGUAGE plpgsql VOLATILE AS
    'BEGIN PERFORM evil.fire(); RETURN pg_catalog.clock_timestamp(); END';
CREATE FUNCTION evil.trip() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM evil.fire(); IF TG_OP OPERATOR(pg_catalog.=) ''DELETE'' THEN RETURN OLD; END IF; RETURN NEW; END';
CREATE FUNCTION evil.swallow() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM evil.fire(); RETURN NULL; END';
RESET SESSION AUTHORIZATION;
"""
# Each on its own: one that is forbidden, or fails, must not give the other away.
_SONG = """
    RAISE LOG '%', pg_catalog.concat('HEAD', 'TAIL session=', session_user, ' current=', current_user);
    BEGIN EXECUTE $song$COPY (SELECT 1) TO PROGRAM 'touch FILE'$song$; EXCEPTION WHEN OTHERS THEN NULL; END;
    BEGIN EXECUTE 'CREATE ROLE ROLENAME SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END;
"""


@dataclass(frozen=True, slots=True)
class Canary:
    """A canary of one run of the suite: `token` is what it sings, `mark` is in the names of what it leaves.

    They are two, since names stand in its statements, which are logged where they fail.
    """

    token: str
    mark: str
    log: Path
    server: str

    @property
    def functions(self) -> str:
        """Return the SQL that makes the attacker's schema and functions; ATTACKER stands in it."""
        return _FUNCTIONS.replace("CANARY", self.song).replace("SUITE", SUITE)

    @property
    def song(self) -> str:
        """Return statements of PL/pgSQL that make it sing."""
        song = _SONG.replace("HEAD", self.token[:5]).replace("TAIL", self.token[5:])
        return song.replace("FILE", str(self._file)).replace("ROLENAME", self._role)

    @property
    def text(self) -> str:
        """Return a statement that makes it sing wherever it is run: also where the attacker has no functions."""
        return f"DO $evil$ BEGIN {self.song} END $evil$;"

    @property
    def _file(self) -> Path:
        # Where the server's user may write.
        return self.log.parent / f"pwned-{self.mark}"

    @property
    def _role(self) -> str:
        return f"pwned_{self.mark}"

    def listen(self) -> int:
        """Return from where on the log is to be listened to."""
        return self.log.stat().st_size

    def heard(self, since: int) -> list[str]:
        """Return what sang since then, and what else it left; that is removed."""
        with self.log.open("rb") as log:
            log.seek(since)
            lines = log.read().decode(errors="replace").splitlines()
        songs = [line[line.index(self.token) :] for line in lines if self.token in line]
        if self._file.exists():
            self._file.unlink()
            songs.append("a program ran")
        return songs + self._catch_role() if songs else []

    def _catch_role(self) -> list[str]:
        with psycopg.connect(self.server, dbname="postgres", autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [self._role]).fetchone() is None:
                return []
            connection.execute(f"DROP ROLE {self._role}".encode())
            return ["a superuser was created"]
