"""The work on one file: the statements that are done, and their record."""

from collections import deque
from dataclasses import dataclass, field, replace

import psycopg

from tenantry import sqltext
from tenantry.apply.attempt import Broken, Notice, make_broken, within
from tenantry.apply.site import Site
from tenantry.ledger.ledger import Ledger
from tenantry.ledger.writing import record_progress
from tenantry.model import Migration, Progress
from tenantry.model.checksum import hash_prefix
from tenantry.model.errors import Problem
from tenantry.model.results import Failure, LockWait
from tenantry.postgres.failures import FailureKind


@dataclass(frozen=True, slots=True)
class Work:
    """A non-transactional file at work: `site` has the session that runs it, `ledger` the one that keeps its record.

    Statements are counted by `done`, how many took effect, which is also the index of the next one;
    `number_after` turns that into what people read and write. `notices` are reported at the end.
    """

    site: Site
    ledger: Ledger
    step: Migration
    statements: tuple[sqltext.Statement, ...]
    notices: deque[Notice] = field(default_factory=deque)

    def progress(self, done: int, running: str = "", before: tuple[int, ...] = ()) -> Progress:
        """Return the progress to record when `done` statements are done."""
        return Progress(hash_prefix(statement.text for statement in self.statements[:done]), running, before)

    def record(self, done: int, running: str = "", before: tuple[int, ...] = ()) -> None:
        """Write that `done` statements are done, on the session that keeps the record."""
        record_progress(self.ledger, self.step.version, done, self.progress(done, running, before))

    def break_off(self, error: psycopg.Error, index: int | None, wait: LockWait | None = None) -> Broken:
        """Return the failure for an error, at its place in the statement at `index`; None if it is about none."""
        keeper = self.ledger.connection
        # If either session is lost, neither the file nor the database is to blame.
        site = replace(self.site, connection=keeper) if keeper.broken else self.site
        statement = None if index is None else self.statements[index]
        offset = None if statement is None else statement.start + within(error, statement.text)
        return make_broken(error, site, self.step, offset, wait=wait)

    def refuse(self, problem: Problem, index: int) -> Broken:
        """Return a problem of a statement as the failure of its file."""
        place = sqltext.position(self.step.sql, self.statements[index].start)
        excerpt = sqltext.excerpt(self.step.text, place)
        failure = Failure(problem.message, "", place.line, place.column, excerpt, hint=problem.hint)
        return Broken(FailureKind.FAILED, failure)


def number_after(done: int) -> int:
    """Return the number by which people know the statement after the first `done`: the first one of a file is 1."""
    return done + 1
