"""Kept proofs: the token that the catalog of a tenant had when its schema was last seen to be as expected.

Whoever may write to a tenant's database could forge a proof there, so none is ever kept in it.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from tenantry.model import Tenant
from tenantry.state import Cache


@dataclass(frozen=True, slots=True)
class KeptProofs:
    """Remembers proofs in a folder, one file for each tenant; the folder may be deleted at any time."""

    folder: Path
    cache: Cache

    def holds(self, tenant: Tenant, expected: str, token: str | None) -> bool:
        """Return whether the schema named `expected` was seen when the catalog of the tenant had this token."""
        if token is None:
            return False
        text = self.cache.read(self._path(tenant))
        return text is not None and text == _compose(expected, token)

    def keep(self, tenant: Tenant, expected: str, token: str | None) -> None:
        """Remember that the schema named `expected` was seen after the catalog had this token; empty: none was."""
        if token is not None and not self.holds(tenant, expected, token):
            self.cache.keep(self._path(tenant), _compose(expected, token))

    def _path(self, tenant: Tenant) -> Path:
        # A digest, since a name may hold any character.
        name = hashlib.sha256(f"{tenant.set_name.value} {tenant.name}".encode()).hexdigest()
        return self.folder / f"{name}.json"


def _compose(expected: str, token: str) -> str:
    return json.dumps({"expected": expected, "token": token})
