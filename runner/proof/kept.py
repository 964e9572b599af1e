"""Kept proofs: the token that the catalog of a tenant had when its schema was last seen to be as expected.

Whoever may write to a tenant's database could forge a proof there, so none is ever kept in it.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tenantry.ledger.ledger import Ledger
from tenantry.ledger.proofs import Proof
from tenantry.model import Tenant
from tenantry.model.events import Event, WarningRaised
from tenantry.proof.shared import SharedProofs
from tenantry.state import Cache


@dataclass(frozen=True, slots=True)
class KeptProofs:
    """Remembers proofs in a folder, one file for each tenant, and with `shared` in the master as well.

    The folder may be deleted at any time.
    """

    folder: Path
    cache: Cache
    shared: SharedProofs | None = None

    def prepare(self, ledger: Ledger) -> None:
        """Make a database ready for its proof, which anything that is created later would make worthless."""
        if self.shared:
            self.shared.prepare(ledger)

    def find(self, tenant: Tenant, token: str | None) -> str | None:
        """Return what was seen when the catalog of the tenant had this token, by the name that `keep` was given."""
        if token is None:
            return None
        own = self._read(tenant)
        if own and own[1] == token:
            # This machine has seen this very catalog: what it found counts, whatever others found before.
            return own[0]
        return self.shared.find(_name(tenant), token) if self.shared else None

    def keep(self, tenant: Tenant, expected: str, token: str | None) -> None:
        """Remember that the schema named `expected` was seen after the catalog had this token; empty: none was."""
        if token is None or self.find(tenant, token) == expected:
            return
        self.cache.keep(self._path(tenant), json.dumps({"expected": expected, "token": token}))
        if self.shared:
            self.shared.keep(_name(tenant), (expected, token))

    def settle(self, event: Event) -> Iterator[WarningRaised]:
        """Write to the master what is to be written there, before an event of the run is told; see `SharedProofs`."""
        if self.shared:
            yield from self.shared.settle(event)

    def _read(self, tenant: Tenant) -> Proof | None:
        text = self.cache.read(self._path(tenant))
        if text is None:
            return None
        # Sealed by us, so it has the form that `keep` gives it.
        kept = json.loads(text)
        return kept["expected"], kept["token"]

    def _path(self, tenant: Tenant) -> Path:
        # A digest, since a name may hold any character.
        name = hashlib.sha256(" ".join(_name(tenant)).encode()).hexdigest()
        return self.folder / f"{name}.json"


def _name(tenant: Tenant) -> tuple[str, str]:
    return tenant.set_name.value, tenant.name
