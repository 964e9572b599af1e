"""Replaying the files of a project for their own sake, without a tenant."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from tenantry import sqltext
from tenantry.ledger.provenance import Provenance
from tenantry.model import Migration
from tenantry.model.errors import Problem
from tenantry.model.scope import Scope
from tenantry.postgres.sessions import find_major
from tenantry.postgres.transaction import clean
from tenantry.project import Project
from tenantry.schema.catalog.read import read_fingerprint, read_snapshot
from tenantry.schema.snapshot import Snapshot
from tenantry.scratch.expected import find_place
from tenantry.scratch.places import Scratch
from tenantry.scratch.run import replay

_LEFT_OUT = "its effects are outside the database, so it is left out where files are replayed"
_TRY_BY_HAND = "nothing needs to be done; tenants run it, and only they"
_WRITE_AGAIN = "write it so that it can run again: with CREATE OR REPLACE, or DROP ... IF EXISTS before CREATE"


def describe_outside(migrations: Sequence[Migration]) -> list[Problem]:
    """Return a warning for each statement that is left out where files are replayed."""
    return [
        Problem(f"{file.path}:{at.line}:{at.column}: {sqltext.name_outside(each.text)}: {_LEFT_OUT}", _TRY_BY_HAND)
        for file in migrations
        for each in sqltext.find_outside(file.sql)
        for at in (sqltext.position(file.sql, each.start),)
    ]


@dataclass(frozen=True, slots=True)
class Replay:
    """An empty scratch database, and the way to run files on it."""

    scratch: Scratch
    provenance: Provenance
    scope: Scope
    # Of the scratch server: known also when its connection is closed.
    major: int

    def run(self, migrations: Sequence[Migration]) -> Snapshot:
        """Apply the files in order and return the schema that they produce. Raises Refused at the first that fails."""
        replay(self.scratch, self.provenance, migrations, self.scope)
        return read_snapshot(self.scratch.connection, self.scope)

    def repeat(self, repeatables: Sequence[Migration], schema: Snapshot) -> Iterator[Problem]:
        """Yield the repeatables that fail when they are run again, or that change the schema then."""
        connection, before = self.scratch.connection, schema.fingerprint
        for step in repeatables:
            try:
                connection.execute(sqltext.blank_outside(step.sql).encode())
                # The file may have changed settings that the next one must not find.
                clean(connection)
            except psycopg.Error as error:
                said = f"{error.diag.message_primary} (SQLSTATE {error.sqlstate})"
                yield Problem(f"{step.path}: fails when run again: {said}", _WRITE_AGAIN)
                continue
            after = read_fingerprint(connection, self.scope)
            if after != before:
                yield Problem(f"{step.path}: changes the schema when run again", _WRITE_AGAIN)
            # Each is judged by its own change, not by that of the one before it.
            before = after


@contextmanager
def open_replay(project: Project) -> Iterator[Replay]:
    """Create an empty scratch database for files without a tenant. Raises ServerError and Refused."""
    with find_place(project).open_embedded() as scratch:
        yield Replay(scratch, project.provenance, project.config.scope(), find_major(scratch.connection))
