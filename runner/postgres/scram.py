"""SCRAM keys: a password is stretched once for each role and server, instead of once for each connection.

Stretching is the largest part of a connection for the client. libpq takes the keys that it yields (RFC 5802, 3) instead
of the password; they depend on the role's salt, which libpq's trace of a handshake shows. Its rule: a password that
fits none of this logs in as before, and keys never cause a failure that the password would not.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self, TypeVar

import psycopg
from psycopg import pq
from psycopg.abc import PQGenConn
from psycopg.pq import ConnStatus, PollingStatus
from psycopg.waiting import Wait

from tenantry.postgres.refusals import may_be_login

_Session = psycopg.Connection[tuple[Any, ...]]
_Kind = TypeVar("_Kind", bound=_Session)

# The first libpq that takes keys.
_LIBPQ = 180000
# What says which server a connection leads to and who logs in there.
_WHO_AND_WHERE = frozenset({"user", "password", "host", "hostaddr", "port"})
# As psycopg writes them. libpq's own parser would take a tenth of the time that keys save.
_PARAMETER = re.compile(r"(\w+)=('(?:[^'\\]|\\.)*'|\S*)")
# Arbitrary: one for each thread that begins a run, and few enough for the buffer that each leaves to the C library.
_MOST_TRACES = 8
# A pooler may give each client another salt, or each database: keys made of one would fail with the others.
_HANDSHAKES = 2
# One message of RFC 5802, 5.1, without extensions, as libpq has written it since version 14.
_CHALLENGE = re.compile(
    r"\tAuthenticationSASLContinue\t 'r=[^,']+,s=([A-Za-z0-9+/]+=*),i=([1-9]\d{0,8})'$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Challenge:
    """The part of a server's challenge that is the same for each login of a role."""

    salt: bytes
    iterations: int

    def derive(self, password: bytes) -> str:
        """Return the keys of a password as parameters of a connection."""
        salted = hashlib.pbkdf2_hmac("sha256", password, self.salt, self.iterations)
        client = base64.b64encode(hmac.digest(salted, b"Client Key", "sha256")).decode()
        server = base64.b64encode(hmac.digest(salted, b"Server Key", "sha256")).decode()
        return f" scram_client_key={client} scram_server_key={server}"


@dataclass(slots=True)
class _Keys:
    """The keys of one role on one server, and how far they are known.

    Several threads share it without a lock: each change is one step under the interpreter's.
    """

    password: bytes = field(repr=False)
    # One for each handshake that was traced: None is one that leads to no keys.
    seen: list[Challenge | None] = field(default_factory=list, repr=False)
    traces: Iterator[int] = field(default_factory=lambda: iter(range(_MOST_TRACES)), repr=False)
    turns: Iterator[int] = field(default_factory=lambda: iter(range(1)), repr=False)
    derived: str = field(default="", repr=False)

    def take(self) -> str:
        """Return the keys as parameters; empty: not known, or about to be derived by another thread."""
        challenge = self._agreed()
        if challenge is None:
            return ""
        if next(self.turns, None) is not None:
            # Not before the first connection that uses them: a run that opens no more of them saves it.
            self.derived = challenge.derive(self.password)
        return self.derived

    def begin_trace(self) -> bool:
        """Return whether the next handshake is worth a trace."""
        return len(self.seen) < _HANDSHAKES and None not in self.seen and next(self.traces, None) is not None

    def forget(self) -> None:
        """Give up keys until the end of the run."""
        self.seen.append(None)
        self.derived = ""

    def _agreed(self) -> Challenge | None:
        """Return the challenge of every traced handshake; None: too few of them, or not the same in all."""
        first, *others = self.seen or [None]
        return first if len(others) + 1 >= _HANDSHAKES and all(one == first for one in others) else None


class _KeysRefused(Exception):
    """A server refused keys. Not an error of psycopg's, which would make it try the next host instead of this again."""


def keyed(resolved: Mapping[str, str]) -> Callable[..., _Session] | None:
    """Return a `psycopg.connect` that logs in with keys of the password, None where that does not apply.

    `resolved` are the parameters as libpq would use them. A passfile has no part in them: it may hold a password for
    each database.
    """
    password = resolved.get("password", "")
    has_keys = "scram_client_key" in resolved or "scram_server_key" in resolved
    # libpq prepares a password by RFC 4013, which changes nothing in ASCII, and little else is left as it is.
    if not password or not password.isascii() or has_keys or not can_trace():
        return None
    return partial(_connect, _make_class(password))


def can_trace() -> bool:
    """Return whether libpq takes keys here, and psycopg traces a handshake into memory: on Linux alone."""
    return pq.version() >= _LIBPQ and sys.platform == "linux" and hasattr(os, "memfd_create")


def _connect(kind: type[_Session], **parameters: Any) -> _Session:
    while True:
        try:
            return kind.connect(**parameters)
        except _KeysRefused:
            # Not for ever: the server that refused keys is given none again.
            continue


def _make_class(password: str) -> type[_Session]:
    """Return a class whose `connect` uses one set of keys for each role and server.

    psycopg's `connect` makes an attempt for each host and address, and calls `_connect_gen` for each. A psycopg that
    calls something else, or with more, connects as it always does.
    """
    known: dict[tuple[tuple[str, str], ...], _Keys] = {}

    class Keyed(psycopg.Connection[tuple[Any, ...]]):
        """A connection that logs in with keys as soon as they are known."""

        @classmethod
        def _connect_gen(cls, conninfo: str = "", **more: Any) -> PQGenConn[Self]:
            plainly = super()._connect_gen
            who = tuple(pair for pair in _PARAMETER.findall(conninfo) if pair[0] in _WHO_AND_WHERE)
            keys = known.setdefault(who, _Keys(password.encode()))
            if taken := keys.take():
                return (yield from _connect_with(plainly(conninfo + taken, **more), keys))
            if not more and keys.begin_trace() and (file := _open_memory()) is not None:
                return cls((yield from _connect_traced(conninfo, keys, file)))
            return (yield from plainly(conninfo, **more))

    return Keyed


def _connect_with(connecting: PQGenConn[_Kind], keys: _Keys) -> PQGenConn[_Kind]:
    """Connect with keys. Raises _KeysRefused where these may be why it failed."""
    try:
        return (yield from connecting)
    except psycopg.OperationalError as error:
        if not may_be_login(str(error)):
            raise
    # Most likely, the role got another salt, if not another password.
    keys.forget()
    raise _KeysRefused


def _open_memory() -> int | None:
    """Return a file in memory, which no other program can open by a name; None where the system refuses it."""
    try:
        return os.memfd_create("tenantry")
    except OSError:
        return None


def _connect_traced(conninfo: str, keys: _Keys, file: int) -> PQGenConn[pq.abc.PGconn]:
    """Connect as psycopg does, and learn the challenge from the handshake if it ends well. Closes the file."""
    begun = pq.PGconn.connect_start(conninfo.encode())
    try:
        begun.trace(file)
        yield from _finish(begun)
    finally:
        # In this order: what the C library has buffered is written now, and never to a file opened later.
        begun.untrace()
        shown = os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")
        os.close(file)
    keys.seen.append(parse_challenge(shown))
    begun.nonblocking = 1
    return begun


def _finish(begun: pq.abc.PGconn) -> PQGenConn[None]:
    """Take a connection to its end, as psycopg does, in its words. Raises OperationalError."""
    while begun.status != ConnStatus.BAD:
        match begun.connect_poll():
            case PollingStatus.OK:
                return
            case PollingStatus.READING:
                wait = Wait.R
            case PollingStatus.WRITING:
                wait = Wait.W
            case _:
                raise psycopg.OperationalError(f"connection failed: {begun.get_error_message()}")
        while not (yield begun.socket, wait):
            pass
    raise psycopg.OperationalError(f"connection is bad: {begun.get_error_message()}")


def parse_challenge(shown: str) -> Challenge | None:
    """Return the challenge in a trace, None if there is none or it reads in another way."""
    found = _CHALLENGE.search(shown)
    if not found:
        return None
    try:
        return Challenge(base64.b64decode(found[1], validate=True), int(found[2]))
    except binascii.Error:
        return None
