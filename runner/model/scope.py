"""Scope: the schemas and objects of a database that are compared."""

from dataclasses import dataclass

# The word of the catalog query for the role that is connected.
CONNECTED = "CURRENT_USER"


@dataclass(frozen=True, slots=True)
class Ignored:
    """Objects that are not compared: `kind` is one kind or `*`, `pattern` a name with `*` and `?` as in a shell."""

    kind: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of a catalog that is compared, the same for every database.

    `ledger_schema` is the schema in which the ledger's tables are left out. `roles` maps a role of this
    database to the word that replaces it in owners and grants: a role of the tenant's own is not a difference.
    """

    ledger_schema: str = "public"
    ignored: tuple[Ignored, ...] = ()
    roles: tuple[tuple[str, str], ...] = ()
