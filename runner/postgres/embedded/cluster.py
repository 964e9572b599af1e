"""The embedded PostgreSQL: starting, stopping and reaching one cluster.

Its rule: a private Unix socket and no TCP port, never as root, and permissions change only on folders created here.
"""

import contextlib
import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from tenantry.model.errors import ServerError
from tenantry.postgres.embedded.access import remove_access, write_access
from tenantry.postgres.embedded.account import (
    Account,
    can_enter,
    capable,
    complaint,
    drop_to,
    find_user,
    namespace,
    own_folder,
    run,
    system_errors,
    tail,
    user_name,
)
from tenantry.postgres.embedded.process import (
    PATIENCE_S,
    POLL_S,
    end,
    exists,
    read_lines,
    read_pid,
    remove,
    runs,
    serves,
    was_started_for,
)
from tenantry.postgres.embedded.programs import (
    check_time_zones,
    find_binaries,
    initdb_options,
    read_data_major,
    read_major,
)
from tenantry.state import make_state_folder

StopMode = Literal["smart", "fast", "immediate"]

# Fixed and short, not TMPDIR: a later command must find the socket, whose path may have no more than 107 bytes.
_SOCKET_ROOT = Path("/tmp")  # noqa: S108  # the folder in it is private, and checked
_PORT = 5432

_LOG_LIMIT_BYTES = 1_000_000
_SIGNALS: Mapping[StopMode, signal.Signals] = {
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}

# The shell puts the server in the background and ends, so that init inherits it and not this process; arguments
# pass as they are, where pg_ctl would have them parsed by a shell.
_LAUNCH = 'exec 2>>"$0" && { "$@" >&2 & echo $!; }'


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """One PostgreSQL cluster in a state folder, shared by all processes that name the same folder.

    `binaries` is the folder of `postgres` and `initdb`, None for `find_binaries`. `settings` are server settings
    that override the ones set here. `durable=False` trades safety after a power failure for speed: only for tests.
    """

    state: Path
    binaries: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    durable: bool = True

    @property
    def log(self) -> Path:
        """Return the file that the server logs to."""
        return self._home / "server.log"

    def dsn(self) -> str:
        """Return the libpq connection string of the server, without a database."""
        # Spelled out, or they would come from PG* variables, which are meant for other servers.
        own = "hostaddr='' gssencmode=disable channel_binding=disable require_auth=''"
        return f"host={self._socket} port={_PORT} user=postgres {own}"

    def url(self, database: str) -> str:
        """Return the URL of one database, for other programs."""
        return f"postgresql:///{quote(database, safe='')}?host={self._socket}&port={_PORT}&user=postgres"

    def psql(self, database: str) -> list[str]:
        """Return the command that opens one database in psql; raise ServerError if there is no psql."""
        bundled = self._programs() / "psql"
        found = str(bundled) if bundled.is_file() else shutil.which("psql")
        if found is None:
            raise ServerError(
                f"{bundled}: no such program", hint="install psql with `apt-get install postgresql-client`"
            )
        return [found, self.url(database)]

    def exists(self) -> bool:
        """Return whether a cluster has been initialised here."""
        self._check_owner()
        return (self._data / "PG_VERSION").exists()

    def pid(self) -> int | None:
        """Return the process id of the running postmaster, or None; it may not accept connections yet."""
        self._check_owner()
        pid = read_pid(self._pid_file)
        return pid if pid is not None and serves(pid, self._data) else None

    def alive(self) -> bool:
        """Return whether the server accepts connections."""
        # The pid file comes first: only the server of this very folder may answer, not another one on its socket.
        return self.pid() is not None and self._answers()

    def start(self) -> bool:
        """Start the server, initialising a cluster if there is none, and wait until it accepts connections.

        Returns whether this call started it. Any number of processes may call it at once. Raises ServerError.
        """
        if self.alive():
            return False
        with system_errors(), self._locked():
            # Again, since another process may have started it while this one waited for the lock.
            if self.alive():
                return False
            programs = self._programs()
            check_time_zones(programs)
            major = read_major(programs)
            self._check_data(programs, major)
            account = self._prepare(programs)
            if not self.exists():
                self._initialise(programs, major, account)
            access = write_access(self.state, major, account)
            return self._launch(programs, account, access)

    def stop(self, mode: StopMode = "fast") -> bool:
        """Stop the server and wait for its end; return whether it ran. Raise ServerError if it does not end."""
        if not self._left_anything():
            return False
        with system_errors(), self._locked():
            return self._stop(mode)

    def destroy(self) -> None:
        """Stop the server and delete its data."""
        if not self._left_anything():
            return
        with system_errors(), self._locked():
            # Without the checkpoint of a clean end: the data is deleted next.
            self._stop("immediate")
            remove(self._home)
            shutil.rmtree(self._socket, ignore_errors=True)
            remove_access(self.state)

    @property
    def _home(self) -> Path:
        return self.state.resolve() / "postgres"

    @property
    def _data(self) -> Path:
        return self._home / "data"

    @property
    def _socket(self) -> Path:
        # Part of a digest, since the path of the project may be longer than a socket's path may be.
        digest = hashlib.sha256(os.fsencode(self.state.resolve())).hexdigest()
        return _SOCKET_ROOT / f"tenantry-{digest[:12]}"

    @property
    def _pid_file(self) -> Path:
        return self._data / "postmaster.pid"

    @property
    def _socket_lock(self) -> Path:
        return self._socket / f".s.PGSQL.{_PORT}.lock"

    def _programs(self) -> Path:
        self._check_owner()
        return self.binaries or find_binaries(read_data_major(self._data))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes from starting or stopping this server meanwhile: the state folder is the lock."""
        make_state_folder(self.state)
        # The folder itself, since a lock file could be deleted while it is held; the system frees it with its process.
        lock = os.open(self.state, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _check_owner(self) -> None:
        """Raise ServerError if the cluster belongs to another user and this process is not root."""
        with system_errors(), contextlib.suppress(FileNotFoundError):
            owner = self._home.stat().st_uid
            if os.geteuid() not in (0, owner):
                raise ServerError(
                    f"{self._home}: belongs to user {user_name(owner)}, expected {user_name(os.geteuid())}",
                    hint=f"run this as root, or delete the data with `sudo rm -r {self._home}`",
                )

    def _check_data(self, programs: Path, major: int) -> None:
        """Raise ServerError if the data folder is not a cluster of this major."""
        if not self._data.exists():
            return
        found = read_data_major(self._data)
        if found is None:
            raise ServerError(
                f"{self._data}: not a PostgreSQL cluster, expected a file PG_VERSION in it",
                hint='delete it with "tenantry db destroy"',
            )
        if found != major:
            raise ServerError(
                f"{self._data}: created by PostgreSQL {found}, but {programs} contains PostgreSQL {major}",
                hint=f"set TENANTRY_PG_BIN to the programs of PostgreSQL {found}, "
                'or delete the data with "tenantry db destroy"',
            )

    def _prepare(self, programs: Path) -> Account:
        """Create the folders of cluster and socket, and return the account that owns them."""
        account = self._choose_account(programs)
        own_folder(self._home, account)
        own_folder(self._socket, account)
        return account

    def _choose_account(self, programs: Path) -> Account:
        """Return the account that runs the server: PostgreSQL refuses root. Raise ServerError if there is none."""
        if os.geteuid() != 0:
            return Account()
        for account in self._accounts():
            if can_enter(account, programs / "postgres", self.state):
                return account
        raise ServerError(
            f"{self.state}: PostgreSQL does not run as root, and no other user can enter this folder and {programs}",
            hint="move the project to a folder that every user may enter, or run tenantry as an ordinary user",
        )

    def _accounts(self) -> tuple[Account, ...]:
        """Return the accounts for a server started by root, best first; an existing cluster has decided."""
        nobody = pwd.getpwnam("nobody")
        if not self._data.exists():
            # With sudo, the cluster is to belong to the owner of the project.
            owner = find_user(self.state.stat().st_uid)
            return (*([drop_to(owner)] if owner else []), drop_to(nobody), namespace(nobody), capable(nobody))
        home, data = self._home.stat(), self._data.stat()
        if home.st_uid != 0:
            return (Account(home.st_uid, home.st_gid),)
        return (namespace(nobody) if data.st_uid == 0 else capable(nobody),)

    def _initialise(self, programs: Path, major: int, account: Account) -> None:
        """Create a cluster under a temporary name, so that a killed initdb leaves no half of one."""
        for left_over in self._home.glob("data.*"):
            shutil.rmtree(left_over, ignore_errors=True)
        fresh = self._home / f"data.{os.urandom(4).hex()}"
        try:
            done = run(account, programs / "initdb", "-D", fresh, *initdb_options(major, durable=self.durable))
            if done.returncode:
                raise ServerError(f"{programs / 'initdb'}: {complaint(done)}")
            # Atomic: the folder is there only as a whole cluster.
            fresh.rename(self._data)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _left_anything(self) -> bool:
        self._check_owner()
        return self._home.exists() or self._socket.exists()

    def _deserted(self) -> int | None:
        """Return the process id of a server whose data folder was deleted or replaced under it."""
        pid = read_pid(self._socket_lock)
        return pid if pid not in (None, self.pid()) and was_started_for(pid, self._data) else None

    def _cut_off(self) -> bool:
        """Return whether nobody finds the socket of the running server: the project was moved, or /tmp cleared."""
        state = "".join(read_lines(self._pid_file)[7:8]).strip()
        return state == "ready" and not self._socket_lock.exists()

    def _evict(self) -> None:
        """Remove servers and lock files that keep the server from starting but do not serve this folder from here."""
        if deserted := self._deserted():
            end(deserted, signal.SIGQUIT)
        pid = self.pid()
        if pid is not None and self._cut_off():
            end(pid, signal.SIGINT)
        # PostgreSQL takes any process that has the number in a lock file for its postmaster, even a zombie.
        for lock in (self._pid_file, self._socket_lock):
            stale = read_pid(lock)
            if stale not in (None, pid) and exists(stale):
                lock.unlink()

    def _launch(self, programs: Path, account: Account, access: Mapping[str, str]) -> bool:
        """Start the server, again if it ends at once: a killed one leaves processes that keep its memory for a while.

        Returns False if an interrupted start had left a server that was still starting.
        """
        deadline = time.monotonic() + PATIENCE_S
        while True:
            self._evict()
            seen = self._turn_log()
            found = self.pid()
            if self._wait(found or self._spawn(programs, account, access), deadline):
                return found is None
            said = self._read_log(seen)
            passing = found or "pre-existing shared memory block" in said or "lock file" in said
            if not passing or time.monotonic() > deadline:
                raise ServerError(f"{self.log}: the server did not start:\n{said}")
            time.sleep(0.2)  # there is no event for the end of processes that are not ours

    def _spawn(self, programs: Path, account: Account, access: Mapping[str, str]) -> int:
        """Start the server in the background, in a session of its own; return its process id."""
        settings = {**access, **self._settings()}
        options = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
        done = run(account, "/bin/sh", "-c", _LAUNCH, self.log, programs / "postgres", "-D", self._data, *options)
        if done.returncode:
            raise ServerError(f"{self.log}: {complaint(done)}")
        return int(done.stdout)

    def _settings(self) -> dict[str, str]:
        switch = "on" if self.durable else "off"
        return {
            "listen_addresses": "",
            "port": str(_PORT),
            "unix_socket_directories": str(self._socket),
            "unix_socket_permissions": "0700",
            # Arbitrary, but above the default of 100: several runs with many jobs may share this server.
            "max_connections": "200",
            "fsync": switch,
            "synchronous_commit": switch,
            "full_page_writes": switch,
            **self.settings,
        }

    def _wait(self, pid: int, deadline: float) -> bool:
        """Return True once the server accepts connections, False if it ended; raise ServerError at the deadline."""
        while runs(pid):
            if self.alive():
                return True
            if time.monotonic() > deadline:
                raise ServerError(
                    f"{self.log}: the server is still starting after {PATIENCE_S:.0f} s",
                    hint='check its log, then run "tenantry db start" to keep waiting, or "tenantry db stop"',
                )
            time.sleep(POLL_S)  # the server announces nothing when it is ready
        return False

    def _answers(self) -> bool:
        """Ask the server itself whether it accepts connections; raise ServerError if libpq cannot even try."""
        from psycopg import pq

        asked = f"{self.dsn()} dbname=postgres connect_timeout=5".encode()
        answer = pq.PGconn.ping(asked)
        if answer == pq.Ping.NO_ATTEMPT:
            reason = pq.PGconn.connect(asked).error_message.decode(errors="replace").strip()
            raise ServerError(f"{self._socket}: {reason}", hint="unset the PG* variable that causes this")
        return answer == pq.Ping.OK

    def _turn_log(self) -> int:
        """Rotate a log that has grown big; return the size of the log, in bytes."""
        size = self.log.stat().st_size if self.log.exists() else 0
        if size <= _LOG_LIMIT_BYTES:
            return size
        self.log.replace(self.log.with_name("server.log.1"))
        return 0

    def _read_log(self, start: int) -> str:
        """Return the end of the server's log from a byte on."""
        with contextlib.suppress(FileNotFoundError), self.log.open("rb") as log:
            log.seek(start)
            return tail(log.read().decode(errors="replace"))
        return ""

    def _stop(self, mode: StopMode) -> bool:
        pid, deserted = self.pid(), self._deserted()
        if deserted is not None:
            end(deserted, signal.SIGQUIT)  # without data there is nothing to finish
        if pid is not None:
            end(pid, _SIGNALS[mode])
        return pid is not None or deserted is not None
