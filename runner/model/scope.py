"""Scope: which schemas and objects of a database are looked at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ignored:
    """Objects that are not compared: `kind` is one kind or `*`, `pattern` a name with `*` and `?` as in a shell."""

    kind: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a catalog counts, the same for every database that is compared.

    `ledger_schema` is where `_migrations` and `_migrations_log` are left out. `roles` gives, for a role of this
    database, the word that stands for it in owners and grants: that a tenant has a role of its own is no difference.
    """

    ledger_schema: str = "public"
    ignored: tuple[Ignored, ...] = ()
    roles: tuple[tuple[str, str], ...] = ()
