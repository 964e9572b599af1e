"""Proofs in the master, for every machine: read once a run, and written in batches by verbs that write.

They spare work, and nothing else: a master that cannot be read or written costs time and a warning.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psycopg

from tenantry.fleet.shared import Shared
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.proofs import Key, Proof, ProofTable
from tenantry.model import SetName
from tenantry.model.errors import Cancelled, NoDatabase, Problem, TenantError
from tenantry.model.events import Event, RunFinished, WarningRaised
from tenantry.project import Project

# Arbitrary: a run that is killed loses no more of them, and a fleet of thousands needs few writes.
_MANY = 200
_SPARED = "set proofs: state in tenants.yaml to keep proofs on each machine alone"


@dataclass(frozen=True, slots=True)
class SharedProofs:
    """The proofs in a project's master; `writes`: those of this run are kept there."""

    project: Project
    writes: bool
    _read: Shared = field(default_factory=Shared)
    # Tenants' threads add to these, and the thread that reads their events takes from them.
    _new: deque[tuple[Key, Proof]] = field(default_factory=deque)
    _problems: deque[Problem] = field(default_factory=deque)

    def prepare(self, ledger: Ledger) -> None:
        """Create the table in the master before its schema is proven: afterwards, its catalog would be another one."""
        if self.writes and ledger.tenant.set_name is SetName.MASTER:
            # Where it cannot be created, the first proof that is not written says so.
            with suppress(psycopg.Error):
                ProofTable.of(ledger).create_if_absent()

    def find(self, key: Key, token: str) -> str | None:
        """Return what was seen of a tenant when it had this token; the first who asks reads the proofs of all."""
        known, _ = self._read.get("proofs", self._read_all)
        expected, kept = known.get(key, ("", ""))
        return expected if kept == token else None

    def keep(self, key: Key, proof: Proof) -> None:
        """Have a proof written by one of the next calls of `settle`; this one waits for nothing."""
        if self.writes:
            self._new.append((key, proof))

    def settle(self, event: Event) -> Iterator[WarningRaised]:
        """Write the new proofs, if they are many or the event ends the run; yield a warning for each fault, once."""
        if self._new and (isinstance(event, RunFinished) or len(self._new) >= _MANY):
            # No more than there are now: threads go on adding.
            self._write(dict(self._new.popleft() for _ in range(len(self._new))))
        while self._problems:
            yield WarningRaised("", self._problems.popleft())

    def _read_all(self) -> dict[Key, Proof]:
        try:
            with self._open() as table:
                return table.read() if table else {}
        except NoDatabase:
            return {}  # the master is yet to be created
        except Cancelled:
            raise
        except TenantError as error:
            self._warn(f"proofs in the master are not read, so that schemas are compared in full: {error}", error)
            return {}

    def _write(self, proofs: dict[Key, Proof]) -> None:
        try:
            with self._open() as table:
                if table:
                    table.write(proofs)
        except (Cancelled, NoDatabase):
            return  # they are computed again where they are missing
        except TenantError as error:
            self._warn(f"proofs are not written to the master, so that other machines do not have them: {error}", error)

    @contextmanager
    def _open(self) -> Iterator[ProofTable | None]:
        """Open the master's table of proofs; None where the master is yet to be created. Raises TenantError."""
        master = self.project.config.master
        if master is None:
            yield None
            return
        with self.project.reading(master) as ledger:
            yield ProofTable.of(ledger) if ledger else None

    def _warn(self, message: str, error: TenantError) -> None:
        self._problems.append(Problem(message, f"{error.hint}\nor {_SPARED}" if error.hint else _SPARED))


def make_shared(project: Project, *, writes: bool) -> SharedProofs | None:
    """Return the proofs that a project keeps in its master; None where it keeps them on each machine alone."""
    config = project.config
    if config.master is None or not config.shares_proofs:
        return None
    # An embedded server belongs to this machine, and is started for tenants that are on it.
    if config.master.server.embedded and not any(tenant.server.embedded for tenant in project.tenants):
        return None
    return SharedProofs(project, writes)
