"""The evidence of a schema without a ledger: the files whose effects it shows, and the objects that no file creates.

Pure. The schemas before the first file and after each file are given; the effects of a file are the difference of two.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tenantry import sqltext
from tenantry.model import Migration
from tenantry.schema.snapshot import ObjectKey, SchemaObject, Snapshot


class Presence(StrEnum):
    """The part of a file's effects that is present."""

    PRESENT = "present"
    PARTIAL = "partial"
    ABSENT = "absent"
    UNSEEN = "not visible"


class TenantStanding(StrEnum):
    """The verdict on a whole database."""

    EMPTY = "empty"
    MATCH = "match"
    PARTIAL = "partial"
    DRIFTED = "drifted"


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One effect on a schema: an object exists, is gone (`gone`), or has `fact` set to `value`."""

    key: ObjectKey
    parent: str
    gone: bool = False
    fact: str = ""
    value: str | None = None


@dataclass(frozen=True, slots=True)
class FileEvidence:
    """The evidence of one file: its `missing` effects, and `counts` by kind of object (kind, present, total)."""

    migration: Migration
    presence: Presence
    missing: tuple[SchemaChange, ...]
    counts: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of all files; `foreign` are the objects and facts that match no file."""

    standing: TenantStanding
    files: tuple[FileEvidence, ...]
    foreign: tuple[SchemaChange, ...]

    def having(self, presence: Presence) -> tuple[Migration, ...]:
        """Return the files with this presence."""
        return tuple(file.migration for file in self.files if file.presence is presence)


def weigh(migrations: Sequence[Migration], chain: Sequence[Snapshot], found: Snapshot) -> Evidence:
    """Return the evidence of the files in a database. `chain` is the schema before the first file, and after each."""
    files = tuple(_weigh_file(migration, index, chain, found) for index, migration in enumerate(migrations))
    foreign = tuple(_find_foreign(chain, found))
    return Evidence(_stand(files, foreign, chain[0], found), files, foreign)


def find_effects(before: Snapshot, after: Snapshot) -> Iterator[SchemaChange]:
    """Yield the changes that lead from one schema to another."""
    for key, new in after.objects.items():
        old = before.objects.get(key)
        if old is None:
            yield SchemaChange(key, new.parent)
        elif old.facts != new.facts:
            names = dict.fromkeys((*old.facts, *new.facts))
            changed = [name for name in names if old.facts.get(name) != new.facts.get(name)]
            yield from (SchemaChange(key, new.parent, fact=name, value=new.facts.get(name)) for name in changed)
    for key, old in before.objects.items():
        if key not in after.objects:
            yield SchemaChange(key, old.parent, gone=True)


def _weigh_file(migration: Migration, index: int, chain: Sequence[Snapshot], found: Snapshot) -> FileEvidence:
    effects = list(find_effects(chain[index], chain[index + 1]))
    later = chain[index + 1 :]
    earlier = chain[: index + 1]
    states = ((effect, _is_there(effect, earlier, later, found)) for effect in effects)
    seen = [(effect, state) for effect, state in states if state is not None]
    # An absent object may have been dropped, or never created: only the file that creates it can tell.
    seen = [(effect, there) for effect, there in seen if not (effect.gone and there) or _was_made(effect, chain, found)]
    missing = tuple(effect for effect, there in seen if not there)
    if not seen:
        presence = Presence.UNSEEN
    elif not missing:
        # What no catalog comparison shows may be missing all the same.
        presence = Presence.UNSEEN if sqltext.find_unseen(migration.sql) else Presence.PRESENT
    else:
        presence = Presence.PARTIAL if len(missing) < len(seen) else Presence.ABSENT
    return FileEvidence(migration, presence, missing, _count(seen))


def _is_there(
    effect: SchemaChange, earlier: Sequence[Snapshot], later: Sequence[Snapshot], found: Snapshot
) -> bool | None:
    """Return whether an effect is present; None if a later file undoes it, or if nothing could show it."""
    here = found.objects.get(effect.key)
    if effect.gone:
        # A dropped column of a table that does not exist proves nothing.
        if effect.parent and not _has(found, effect.parent):
            return None
        return here is None or _is_later(here, earlier, later)
    if here is None:
        dropped = any(effect.key not in snapshot.objects for snapshot in later)
        return None if dropped else False
    if not effect.fact:
        # An object of the same name may be a different one, not the one that the file created.
        return _fits(here, later)
    return here.facts.get(effect.fact) in _values(effect.key, effect.fact, later)


def _is_later(here: SchemaObject, earlier: Sequence[Snapshot], later: Sequence[Snapshot]) -> bool | None:
    """Return whether an object was created again after a drop; None if both look the same."""
    is_old, is_new = _fits(here, earlier), _fits(here, later)
    return None if is_old and is_new else is_new


def _fits(here: SchemaObject, snapshots: Sequence[Snapshot]) -> bool:
    """Return whether every fact of an object has a value that it has in one of these schemas.

    Its owner and grants do not count: their differences are reported, but do not make it a different object.
    """
    versions = [snapshot.objects[here.key] for snapshot in snapshots if here.key in snapshot.objects]
    names = {name for one in (here, *versions) for name in one.facts} - {"owner", "grants"}
    return bool(versions) and all(
        here.facts.get(name) in {version.facts.get(name) for version in versions} for name in names
    )


def _was_made(effect: SchemaChange, chain: Sequence[Snapshot], found: Snapshot) -> bool:
    """Return whether a missing object ever existed: before all files, or together with one that still exists."""
    # There is such a schema: only a file that drops the object has this effect.
    first = next(index for index, snapshot in enumerate(chain) if effect.key in snapshot.objects)
    if first == 0:
        return True
    return any(key in found.objects for key in chain[first].objects if key not in chain[first - 1].objects)


def _has(snapshot: Snapshot, name: str) -> bool:
    return any((kind, name) in snapshot.objects for kind in ("table", "view", "materialized view", "foreign table"))


def _values(key: ObjectKey, fact: str, snapshots: Iterable[Snapshot]) -> set[str | None]:
    """Return every value that a fact of an object has in these schemas."""
    objects = (snapshot.objects.get(key) for snapshot in snapshots)
    return {found.facts.get(fact) for found in objects if found}


def _count(seen: Sequence[tuple[SchemaChange, bool]]) -> tuple[tuple[str, int, int], ...]:
    """Return the number of a file's effects that are present, by kind; parts of a new table do not count separately."""
    added = {effect.key[1] for effect, _ in seen if not effect.fact and not effect.gone}
    counted = [(effect, there) for effect, there in seen if effect.parent not in added]
    total = Counter(effect.key[0] for effect, _ in counted)
    there = Counter(effect.key[0] for effect, is_there in counted if is_there)
    return tuple((kind, there[kind], number) for kind, number in total.items())


def _find_foreign(chain: Sequence[Snapshot], found: Snapshot) -> Iterator[SchemaChange]:
    """Yield the objects that no file creates, and the facts that no file sets."""
    for key, here in found.objects.items():
        versions = [snapshot.objects[key] for snapshot in chain if key in snapshot.objects]
        if not versions:
            if not _is_part_of_foreign(here, chain, found):
                yield SchemaChange(key, here.parent)
            continue
        for name in dict.fromkeys(fact for version in (here, *versions) for fact in version.facts):
            if here.facts.get(name) not in {version.facts.get(name) for version in versions}:
                yield SchemaChange(key, here.parent, fact=name, value=here.facts.get(name))


def _is_part_of_foreign(here: SchemaObject, chain: Sequence[Snapshot], found: Snapshot) -> bool:
    """Return whether an object belongs to a table that no file creates either: reporting the table is enough."""
    return bool(here.parent) and _has(found, here.parent) and not any(_has(snapshot, here.parent) for snapshot in chain)


def _stand(
    files: Sequence[FileEvidence], foreign: Sequence[SchemaChange], empty: Snapshot, found: Snapshot
) -> TenantStanding:
    if found.objects == empty.objects:
        return TenantStanding.EMPTY
    if foreign:
        return TenantStanding.DRIFTED
    # A file without visible effects can neither interrupt the order nor confirm it.
    known = [file.presence for file in files if file.presence is not Presence.UNSEEN]
    first_gap = next((index for index, presence in enumerate(known) if presence is not Presence.PRESENT), len(known))
    in_order = all(presence is Presence.ABSENT for presence in known[first_gap:])
    return TenantStanding.MATCH if in_order else TenantStanding.PARTIAL
