"""A database's schema as plain data: its catalog, in words that do not depend on the server's version.

Two databases with the same schema have equal snapshots and the same fingerprint, whichever server they are on.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

# A snapshot that another version of this module stored is not read.
FORMAT = 1

# Kind and name of an object.
ObjectKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class SchemaObject:
    """One object of a schema.

    `name` is qualified, and quoted as in SQL. `parent` is the name of the table or view that it belongs to, or empty.
    `facts` are compared: an absent fact is the default. `position` is the place of a column in its table, for writing
    DDL; it is not compared, and 0 for other kinds.
    """

    kind: str
    name: str
    facts: Mapping[str, str]
    parent: str = ""
    position: int = field(default=0, compare=False)

    @property
    def key(self) -> ObjectKey:
        """Return the identity of the object across databases."""
        return self.kind, self.name


_FIELDS = tuple(each.name for each in fields(SchemaObject))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All objects of a database by their key. `fingerprint` is 64 hexadecimal digits, computed by the server."""

    fingerprint: str
    objects: Mapping[ObjectKey, SchemaObject]


def share(snapshot: Snapshot, before: Snapshot | None) -> Snapshot:
    """Return a snapshot that holds what is equal in the one before by reference: of many, only changes take memory."""
    known = before.objects if before else {}
    return Snapshot(
        snapshot.fingerprint, {key: _reuse(known.get(key), found) for key, found in snapshot.objects.items()}
    )


def _reuse(known: SchemaObject | None, found: SchemaObject) -> SchemaObject:
    return known if known is not None and known == found and known.position == found.position else found


def shorten(name: str) -> str:
    """Return a name as messages show it: without the schema `public`."""
    return name.removeprefix("public.")


def to_json(snapshot: Snapshot) -> str:
    """Return a snapshot as text, for storage."""
    # Not dataclasses.asdict, which copies every fact: it took longer than reading the catalog.
    objects = [{name: getattr(found, name) for name in _FIELDS} for found in snapshot.objects.values()]
    return json.dumps({"format": FORMAT, "fingerprint": snapshot.fingerprint, "objects": objects}, ensure_ascii=False)


def from_json(text: str) -> Snapshot | None:
    """Return a stored snapshot; None if it has another format or is not a snapshot."""
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            return None
        objects = [SchemaObject(**found) for found in document["objects"]]
        return Snapshot(document["fingerprint"], {found.key: found for found in objects})
    # A file cut short or from another version is as good as none: reading the catalog replaces it.
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
