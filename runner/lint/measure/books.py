"""The server's own books about the relations of a scratch database: names, storage, locks and scans.

Of a long history, reading all of them for each statement would take most of the time. So only those are read again
that the session has locked: no other can have changed, except by statements that are named elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from psycopg import sql

from tenantry.model.effects import LockMode
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection


@dataclass(frozen=True, slots=True)
class Relation:
    """One relation as it is now. `owner` is the table of an index or a sequence. `mode` is 0 without a lock of ours.

    `kind` is its letter in pg_class; `root` is the partitioned table at the top for a partition, its own oid otherwise.
    """

    oid: int
    name: str
    owner: int
    filenode: int
    mode: int
    scans: int
    kind: str
    root: int


DatabaseState = Mapping[int, Relation]


def read_state(connection: Connection) -> dict[int, Relation]:
    """Return every relation of the database, by oid, with the locks that this session holds."""
    return {row[0]: Relation(*row) for row in connection.execute(_compose_state("class.oid", "relations"))}


def _compose_state(oid: str, relations: str) -> sql.Composed:
    """Return the query for relations: for all of them, or for those that this session has locked."""
    state, source = (sql.SQL(read_sql("lint/measure", name)) for name in ("state", relations))
    return state.format(oid=sql.SQL(oid), relations=source)


class Books:
    """The books of one session. `changed` are the tables whose rows may have changed; None: any of them."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.changed: set[int] | None = None
        self._known: dict[int, Relation] | None = None

    def read(self, *, whole: bool = False) -> DatabaseState:
        """Return every relation as it is now; `whole` reads also those without a lock of this session again."""
        if whole or self._known is None:
            self._known = read_state(self.connection)
            return dict(self._known)
        for oid, *row in self.connection.execute(_compose_state("held.relation", "locked")):
            if row[0] is None:
                self._known.pop(oid, None)
            else:
                self._known[oid] = Relation(oid, *row)
        return dict(self._known)

    def open(self) -> DatabaseState:
        """Return every relation as it is before a statement, with its scans so far.

        The server counts these until it sends them off, at moments of its own: also those of former transactions.
        """
        known = dict(self.read())
        counted = {int(oid): int(scans) for oid, scans in self.connection.execute(read_sql("lint/measure", "scans"))}
        for oid in known.keys() & counted.keys():
            known[oid] = replace(known[oid], scans=counted[oid])
        return known

    def settle(self) -> None:
        """Note what the open transaction has changed, before it is committed and its locks are gone."""
        for relation in self.read().values():
            if not relation.mode:
                continue
            if self.changed is not None and relation.mode >= LockMode.ROW_EXCLUSIVE:
                self.changed.add(relation.owner)
            assert self._known is not None, "it was just read"
            self._known[relation.oid] = replace(relation, mode=0, scans=0)

    def forget(self) -> None:
        """Have everything read again: somebody else was at work, or statements outside of a transaction."""
        self._known = self.changed = None
