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

    def list_relations(self) -> frozenset[int]:
        """Return every relation between two transactions."""
        known = self._known = read_state(self.connection) if self._known is None else self._known
        return frozenset(known)

    def begin(self) -> None:
        """Begin a transaction."""
        self._look("BEGIN")

    def open(self) -> DatabaseState:
        """Return every relation as it is before a statement in the open transaction, with its scans so far."""
        if not self._fresh:
            self._look()
        return dict(self._known or {})

    def _look(self, *before: str) -> None:
        """Read all that may have changed since the last transaction, or since something else has run in this one.

        The server counts scans until it sends them off, at moments of its own: also those of former transactions.
        """
        whole = self._known is None
        queries = (_compose_text(whole=whole), read_sql("lint/measure", "scans"))
        text = ";\n".join((*before, *map(self.prepared.compose, queries)))
        *_, state, scans = _ask(self.connection, text)
        known = self._take(state, whole=whole)
        for oid, count in decode(scans, self.connection.info.encoding):
            if relation := known.get(int(oid)):
                known[int(oid)] = replace(relation, scans=int(count))
        self._fresh = True

    def run(self, text: str, *, whole: bool = False) -> tuple[Sequence[PGresult], DatabaseState]:
        """Run SQL in the open transaction, and return its answers, and every relation afterwards.

        `whole` reads also those without a lock of this session again. Raises psycopg.Error if it fails: there is a
        savepoint then to go back to, unless the text could not be parsed.
        """
        self._fresh, whole = False, whole or self._known is None
        try:
            answers = self._send(text, _compose_text(whole=whole), plain=mentions_prepared(text))
        except psycopg.errors.InvalidSqlStatementName:
            # It may have dropped the query of ours that comes after it, by way of a function.
            if not self.go_back():
                raise
            answers = self._send(text, _compose_text(whole=whole), plain=True)
        known = self._take(answers[-2], whole=whole)
        self._fresh = True
        return answers[1:-2], dict(known)

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

    def settle(self) -> None:
        """Note what the open transaction has changed, before it is committed and its locks are gone."""
        for relation in self.open().values():
            if self.changed is not None and relation.mode >= LockMode.ROW_EXCLUSIVE:
                self.changed.add(relation.owner)
            if self._known is not None and (relation.mode or relation.scans):
                self._known[relation.oid] = replace(relation, mode=0, scans=0)
        self._fresh = False

    def forget(self) -> None:
        """Have everything read again: somebody else was at work, or statements outside of a transaction."""
        self._known = self.changed = None
        self._fresh = False
        self.prepared.forget()

    def _take(self, result: PGresult, *, whole: bool) -> dict[int, Relation]:
        """Note the relations of an answer, and return all; without `whole`, those that it has not are as they were."""
        known: dict[int, Relation] = {} if whole or self._known is None else self._known
        for oid, name, *row in decode(result, self.connection.info.encoding):
            if name is None:
                known.pop(int(oid), None)
                continue
            owner, filenode, mode, scans, kind, root = row
            numbers = (int(owner), int(filenode), int(mode), int(scans))
            known[int(oid)] = Relation(int(oid), name, *numbers, kind, int(root))
        self._known = known
        return known


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
