"""Patience with servers that are starting: they are asked for nothing before they take connections."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tenantry.model.errors import NoDatabase, TenantError, Unreachable
from tenantry.postgres.sessions import Sessions

# Called with a line for people, and its values for programs.
Tell = Callable[[str, dict[str, Any]], None]

# Arbitrary: a server takes seconds to start, and announces nothing to clients.
_ASK_AGAIN_S = 0.5
# Arbitrary: often enough to show that the command is still waiting.
_TELL_AGAIN_S = 10.0


def _tell_nobody(_line: str, _values: dict[str, Any]) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Patience:
    """How long servers are waited for: `wait_s` from `since` on, which is the same for all that a run asks.

    `tell` hears of each wait, as long as it lasts.
    """

    wait_s: float = 0.0
    tell: Tell = _tell_nobody
    since: float = field(default_factory=time.monotonic)

    def await_servers(self, sessions: Sessions, servers: Iterable[str], ended: Callable[[], object]) -> None:
        """Wait until each server takes connections; one that never does is left to the run, whose error says so.

        `ended` is true as soon as the run is to end.
        """
        for server in servers if self.wait_s else ():
            if server not in sessions.waited_s:
                self._await(sessions, server, ended)

    def _await(self, sessions: Sessions, server: str, ended: Callable[[], object]) -> None:
        telling = self.since
        while (absence := _find_absence(sessions, server)) and not ended():
            waited_s = time.monotonic() - self.since
            if time.monotonic() >= telling:
                self._tell(server, absence, waited_s)
                telling = time.monotonic() + _TELL_AGAIN_S
            if waited_s >= self.wait_s:
                sessions.waited_s[server] = self.wait_s
                return
            # A server that is starting announces nothing to clients.
            time.sleep(min(_ASK_AGAIN_S, self.wait_s - waited_s))

    def _tell(self, server: str, absence: str, waited_s: float) -> None:
        values = {"server": server, "waited_s": round(waited_s, 1), "wait_s": self.wait_s, "reason": absence}
        self.tell(f"waiting for server {server!r}, {waited_s:.0f} of {self.wait_s:g} s: {absence}", values)


# Of a run that waits for nobody.
NO_PATIENCE = Patience()


def _find_absence(sessions: Sessions, server: str) -> str:
    """Return why a server gives no answer; empty if it does, be it with a refusal: that one is not worth a wait."""
    try:
        with sessions.connect_to(server, sessions.maintenance(server), waits=False):
            return ""
    except NoDatabase:
        return ""
    except Unreachable as error:
        return str(error).removeprefix(f"server {server!r}: ")
    except TenantError:
        return ""
