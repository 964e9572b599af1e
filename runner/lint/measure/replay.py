"""One file on the scratch database, statement by statement, with the effect of each; its changes stay there."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import psycopg

from tenantry import sqltext
from tenantry.lint.measure.books import Books
from tenantry.lint.measure.prepared import mentions_prepared
from tenantry.lint.measure.probe import probe
from tenantry.lint.measure.rows import empty, fill
from tenantry.lint.measure.standalone import run_alone
from tenantry.model import Migration
from tenantry.model.effects import Measured
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection
from tenantry.postgres.transaction import clean, in_transaction
from tenantry.scratch.places import Scratch
from tenantry.scratch.roles import create_role, find_missing_role
from tenantry.sqltext import Statement
from tenantry.sqltext.library import read_tree
from tenantry.sqltext.trees import name_barred

# Arbitrary, but not UTC, in which a change from timestamp to timestamptz rewrites nothing.
_ZONE = "SET TimeZone = '<+01>-01'"
_OUTSIDE = "has effects outside the database, so it does not run where files are measured"
_READ_IT = "read it, and allow this in the header"
# Arbitrary: some milliseconds each. A file of as many statements, none like another, is a generated one.
MOST = 5_000
_TOO_MANY = "only the first {} statements of a file are measured, not counting those that are like one before"
_SPLIT = "split the file, or read it and allow this in the header"
# The SQLSTATE of a change of a table whose deferred checks wait.
_IN_USE = psycopg.errors.ObjectInUse.sqlstate
# Arbitrary: a signal ends the measuring between two messages.
_TOGETHER = 500

Acted = TypeVar("Acted")
Group = tuple[Statement, ...]


def measure_file(
    scratch: Scratch,
    migration: Migration,
    ledger_schema: str,
    *,
    books: Books | None = None,
    most: int = MOST,
) -> tuple[Measured, ...]:
    """Run a file and return the effects of its statements on the tables before it, filled with a few rows.

    Of changes of rows that differ in their constants alone, the first one is measured, and returned for all. Raises
    psycopg.Error if the file does not run statement by statement; the state of the database is then unknown.
    Beyond `most` statements, they are run and not measured. `books` are those of the files before it on the same
    connection: without them, everything is read. Raises Cancelled if the run is to end.
    """
    connection = scratch.connection
    books = books or Books(connection)
    # Before every file, since the last one may have created tables or emptied them.
    books.changed = fill(connection, ledger_schema, books.changed, books.prepared)
    measuring = _Measuring(scratch, books, books.list_relations(), ledger_schema, most)
    drops = True
    try:
        measured = measuring.run(migration)
        drops = mentions_prepared(migration.sql)
        return measured
    finally:
        if not connection.closed:
            clean(connection, prepared=drops)
            if drops:
                books.prepared.forget()


class _RowsRefused(Exception):
    """Deferred checks that are pending refuse the made-up rows: the file has to run again, without them."""


@dataclass(slots=True)
class _Measuring:
    """The measuring of one file; `existing` are the relations before it, `most` of its statements are measured.

    `pending` tells that the last statement was refused until deferred checks were made, and `refused` are the offsets
    of those that were because of rows which do not pass the checks.
    """

    scratch: Scratch
    books: Books
    existing: frozenset[int]
    ledger_schema: str
    most: int
    measured: int = 0
    pending: bool = False
    refused: set[int] = field(default_factory=set)

    @property
    def _connection(self) -> Connection:
        return self.scratch.connection

    def knows(self, shape: str) -> bool:
        """Return whether constants decide nothing: a function of the files' own may do with them what it likes."""
        row = self._connection.execute(read_sql("lint/measure", "functions"), [sqltext.find_calls(shape)]).fetchone()
        return row == (False,)

    def run(self, migration: Migration) -> tuple[Measured, ...]:
        """Run a file and return the effects of its statements."""
        try:
            return self._run_all(migration)
        except _RowsRefused:
            with self._connection.transaction():
                empty(self._connection, self.ledger_schema)
            self.books.forget()
            return self._run_all(migration)

    def _run_all(self, migration: Migration) -> tuple[Measured, ...]:
        self.measured = 0
        run = self.run_in_one if migration.transactional else self.run_one_by_one
        return tuple(run(sqltext.group_alike(sqltext.split(migration.sql), self.knows)))

    def run_in_one(self, groups: Iterable[Group]) -> Iterator[Measured]:
        """Yield the effects of statements that are one transaction."""
        with in_transaction(self._connection):
            self.books.begin(_ZONE)
            for first, *alike in groups:
                if outside := sqltext.name_outside(first.text):
                    yield Measured(first.start, first.text, unmeasured=f"{outside} {_OUTSIDE}", hint=_READ_IT)
                    continue
                yield self._measure(first)
                self._run(alike)
            self.books.settle()
            self._connection.execute("COMMIT")

    def run_one_by_one(self, groups: Iterable[Group]) -> Iterator[Measured]:
        """Yield the effects of statements that each commit on their own, in a transaction if the server allows one."""
        for group in groups:
            if name_barred(*read_tree(group[0].text)):
                self._connection.execute(_ZONE)
                yield run_alone(self._connection, group[0], self.existing)
                self.books.forget()
            else:
                yield from self.run_in_one((group,))

    def _measure(self, statement: Statement) -> Measured:
        """Measure one statement, or only run it if there were too many before it."""
        self.scratch.check()
        self.measured += 1
        if self.measured > self.most:
            self._try(lambda: self.books.run(statement.text))
            return Measured(statement.start, statement.text, unmeasured=_TOO_MANY.format(self.most), hint=_SPLIT)
        self.pending = statement.start in self.refused
        try:
            measured = self._try(lambda: probe(self.books, statement, self.existing))
        except _RowsRefused:
            self.refused.add(statement.start)
            raise
        return replace(measured, pending=self.pending)

    def _run(self, statements: Sequence[Statement]) -> None:
        """Run statements that are like measured ones, many at a time."""
        for start in range(0, len(statements), _TOGETHER):
            self.scratch.check()
            # On lines of their own, since a comment may end a statement.
            text = "\n;\n".join(statement.text for statement in statements[start : start + _TOGETHER])
            self._try(partial(self.books.run, text))

    def _try(self, act: Callable[[], Acted]) -> Acted:
        """Act in a savepoint; if it fails, again with the role that is missing, or without the rows that we made.

        If checks of rows are pending, they are made first, as the safe form has it.

        Made-up rows may violate a constraint that the statement adds, which is no fault of the file.
        """
        try:
            return act()
        except psycopg.Error as error:
            if self._connection.closed or not self.books.go_back():
                raise
            self.scratch.check()
            if role := find_missing_role(self.scratch, error.sqlstate, error.diag.message_primary):
                create_role(self.scratch, role)
            elif error.sqlstate == _IN_USE:
                self._check_rows()
                self.pending = True
            else:
                empty(self._connection, self.ledger_schema)
                self.books.lose_rows()
        return act()

    def _check_rows(self) -> None:
        """Make the deferred checks that are pending. Raises _RowsRefused if rows do not pass them."""
        try:
            self._connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except psycopg.errors.IntegrityError:
            raise _RowsRefused from None
