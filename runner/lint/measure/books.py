"""The server's own books about the relations of a scratch database: names, storage, locks and scans.

Of a long history, reading all of them for each statement would take most of the time. So only those are read again
that the session has locked: no other can have changed, except by statements that are named elsewhere. And since a
round trip costs as much as most statements, they are read in the message of the statement before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import psycopg
from psycopg import sql
from psycopg.pq.abc import PGresult

from tenantry.lint.measure.prepared import PreparedQueries, mentions_prepared
from tenantry.model.effects import LockMode
from tenantry.postgres.queries import read_sql
from tenantry.postgres.send import send
from tenantry.postgres.sessions import Connection

# Letters of pg_class for what rows are inserted into.
_TABLES = "rp"
_SET, _DROP = "SAVEPOINT tenantry_measured", "RELEASE SAVEPOINT tenantry_measured"


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


@cache
def _compose_text(*, whole: bool) -> str:
    oid, relations = ("class.oid", "relations") if whole else ("held.relation", "locked")
    return _compose_state(oid, relations).as_string()


@dataclass(frozen=True, slots=True)
class Effect:
    """What SQL answered, and the relations that it may have changed: as they were, and as they are, with new ones."""

    answers: Sequence[PGresult]
    before: DatabaseState
    after: DatabaseState


class Books:
    """The books of one session. `changed` are the tables whose rows may have changed; None: any of them.

    `prepares`: the session is always the same one of the server, which it is not behind a pooler.
    """

    def __init__(self, connection: Connection, *, prepares: bool = False) -> None:
        self.connection = connection
        self.prepared = PreparedQueries(connection, used=prepares)
        self.changed: set[int] | None = None
        self._known: dict[int, Relation] | None = None
        # Whether nothing has run in the open transaction since everything was read in it, scans included.
        self._fresh = False
        # Of the open transaction: relations that have locks or scans, those that are new, and whether all others of
        # them have the rows that they had.
        self._held = set[int]()
        self._new = set[int]()
        self._keeps = True

    def list_relations(self) -> frozenset[int]:
        """Return every relation between two transactions."""
        known = self._known = read_state(self.connection) if self._known is None else self._known
        return frozenset(known)

    def begin(self, *before: str) -> None:
        """Begin a transaction, after some SQL in the same message."""
        self._held, self._new, self._keeps = set(), set(), self._known is not None
        # It has no lock yet.
        self._look(*before, "BEGIN", locks=self._known is None)

    def _look(self, *before: str, locks: bool = True) -> None:
        """Read all that may have changed since the last transaction, or since something else has run in this one.

        The server counts scans until it sends them off, at moments of its own: also those of former transactions.
        """
        whole = self._known is None
        queries = ([_compose_text(whole=whole)] if locks else []) + [read_sql("lint/measure", "scans")]
        answers = _ask(self.connection, ";\n".join((*before, *map(self.prepared.compose, queries))))
        if locks:
            self._take(answers[-2], whole=whole)
        known = self._known or {}
        for oid, count in decode(answers[-1], self.connection.info.encoding):
            if relation := known.get(int(oid)):
                known[int(oid)] = replace(relation, scans=int(count))
                self._held.add(int(oid))
        self._fresh = True

    def run(self, text: str, *, whole: bool = False, keeps: bool = False) -> Effect:
        """Run SQL in the open transaction. Raises psycopg.Error if it fails.

        There is a savepoint then to go back to, unless the text could not be parsed. `whole` reads also the relations
        without a lock of this session again, and `keeps` says that all tables keep the rows that they have.
        """
        if not self._fresh:
            self._look()
        self._fresh, whole = False, whole or self._known is None
        try:
            answers = self._send(text, _compose_text(whole=whole), plain=mentions_prepared(text))
        except psycopg.errors.InvalidSqlStatementName:
            # It may have dropped the query of ours that comes after it, by way of a function.
            if not self.go_back():
                raise
            answers = self._send(text, _compose_text(whole=whole), plain=True)
        before, after = self._take(answers[-2], whole=whole)
        self._fresh, self._keeps = True, self._keeps and keeps
        return Effect(answers[1:-2], before, after)

    def list_before(self, step: Effect) -> DatabaseState:
        """Return every relation as it was before the last step."""
        unchanged = {oid: each for oid, each in (self._known or {}).items() if oid not in step.after}
        return {**unchanged, **step.before}

    def _send(self, text: str, query: str, *, plain: bool) -> Sequence[PGresult]:
        """Return the answers to SQL in a savepoint, with that to a query of ours; `plain`, it is not a prepared one."""
        if plain:
            self.prepared.forget()
        else:
            query = self.prepared.compose(query)
        # On lines of their own, since a comment may end the text.
        return _ask(self.connection, f"{_SET};\n{text}\n;\n{query};\n{_DROP}")

    def go_back(self) -> bool:
        """Undo what `run` has failed at; return whether there was a savepoint."""
        self._fresh = False
        return not send(self.connection, f"ROLLBACK TO {_SET};\n{_DROP}").error

    def lose_rows(self) -> None:
        """Note that tables have lost rows otherwise than by a statement that was run here."""
        self._keeps = False

    def settle(self) -> None:
        """Note what the open transaction has changed, before it is committed and its locks are gone."""
        if not self._fresh:
            self._look()
        known = self._known or {}
        for relation in [known[oid] for oid in self._held if oid in known]:
            if self.changed is not None and self._may_be_empty(relation):
                self.changed.add(relation.oid)
            known[relation.oid] = replace(relation, mode=0, scans=0)
        self._fresh = False

    def _may_be_empty(self, relation: Relation) -> bool:
        """Return whether a table may have lost rows, or never had any."""
        if relation.kind not in _TABLES:
            return False
        if self._keeps and relation.oid not in self._new:
            # A function may have written to it by the way. Stronger locks are those of the statements themselves.
            return relation.mode == LockMode.ROW_EXCLUSIVE
        return relation.mode >= LockMode.ROW_EXCLUSIVE

    def forget(self) -> None:
        """Have everything read again: somebody else was at work, or statements outside of a transaction."""
        self._known = self.changed = None
        self._fresh = False
        self.prepared.forget()

    def _take(self, result: PGresult, *, whole: bool) -> tuple[DatabaseState, DatabaseState]:
        """Note the relations of an answer; return these as they were known, and as they are.

        Without `whole`, those that it has not are as they were.
        """
        old, first = self._known or {}, self._known is None
        found = {int(oid): _parse(oid, name, row) for oid, name, *row in decode(result, self.connection.info.encoding)}
        after = {oid: relation for oid, relation in found.items() if relation}
        before = old if whole else {oid: old[oid] for oid in found if oid in old}
        if not first:
            self._new |= after.keys() - old.keys()
        self._held |= {oid for oid, relation in after.items() if relation.mode or relation.scans}
        kept = {} if whole else old
        for oid in found:
            kept.pop(oid, None)
        kept |= after
        self._known = kept
        return before, after


def _parse(oid: str, name: str | None, row: Sequence[str]) -> Relation | None:
    """Return a relation by its texts; None for one that was dropped."""
    if name is None:
        return None
    owner, filenode, mode, scans, kind, root = row
    return Relation(int(oid), name, int(owner), int(filenode), int(mode), int(scans), kind, int(root))


def decode(result: PGresult, encoding: str) -> Iterator[list[Any]]:
    """Yield the rows of an answer as text; a null is None."""
    for row in range(result.ntuples):
        values = (result.get_value(row, column) for column in range(result.nfields))
        yield [None if value is None else value.decode(encoding) for value in values]


def _ask(connection: Connection, text: str) -> Sequence[PGresult]:
    """Return the answers to a message. Raises psycopg.Error."""
    sent = send(connection, text)
    if sent.error:
        raise sent.error
    return sent.answers
