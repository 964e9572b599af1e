"""Passwords that a command prints, such as a token that expires: asked for when needed, and shown nowhere.

The command is a list of arguments and no shell reads it. Neither its arguments nor its output reach a message.
"""

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tenantry.model.errors import Refused
from tenantry.postgres.scram import keyed

# Arbitrary: as long as a cloud's own program takes to log in, several times over.
_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Login:
    """A password that was printed, when it was, and how to connect with it: with SCRAM keys of this one alone."""

    password: str = field(repr=False)
    at: float
    connect: Callable[..., psycopg.Connection[tuple[Any, ...]]] = field(repr=False)


@dataclass(slots=True)
class PasswordCommand:
    """The command of one server. `ttl_s`: how long a password counts; None: until the server refuses it.

    Several threads share it without a lock: each change is one step under the interpreter's, and those that begin at
    once may each ask.
    """

    server: str
    arguments: tuple[str, ...] = field(repr=False)
    ttl_s: float | None = None
    timeout_s: float = _TIMEOUT_S
    _last: Login | None = field(default=None, repr=False)

    def take(self, resolved: dict[str, str], refused: Login | None = None) -> Login:
        """Return a login that is not the `refused` one, from the command if there is no other. Raises Refused.

        `resolved` are the parameters of the connection.
        """
        last = self._last
        fresh = last is not None and (self.ttl_s is None or time.monotonic() - last.at < self.ttl_s)
        if last is None or last is refused or not fresh:
            asked = time.monotonic()
            password = self._run()
            # Keys of the password before this one must not outlive it.
            connect = keyed({**resolved, "password": password}) or psycopg.connect
            last = self._last = Login(password, asked, connect)
        return last

    def _run(self) -> str:
        try:
            done = subprocess.run(
                self.arguments,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self.timeout_s,
                check=False,
                env=os.environ,
            )
        except subprocess.TimeoutExpired:
            raise self._refuse(f"no answer within {self.timeout_s:g} s") from None
        except (OSError, ValueError) as error:
            raise self._refuse(getattr(error, "strerror", "") or "not a command") from None
        if done.returncode:
            raise self._refuse(f"exit code {done.returncode}")
        password = done.stdout.decode(errors="replace").rstrip("\r\n")
        if not password or not password.isprintable():
            raise self._refuse("no single line of text")
        return password

    def _refuse(self, what: str) -> Refused:
        return Refused(
            f"server {self.server!r}: password-command: {what.lower()}, expected a password on stdout",
            hint=f"run the command of servers.{self.server} in tenants.yaml by hand",
        )
