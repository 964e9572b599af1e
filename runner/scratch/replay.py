"""Where the files of a project are replayed, and files run there for their own sake, no tenant being asked about."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from tenantry.model import Migration
from tenantry.model.errors import Problem
from tenantry.model.scope import Scope
from tenantry.postgres.transaction import clean
from tenantry.project import Project
from tenantry.schema.catalog.read import read_fingerprint
from tenantry.schema.snapshot import Snapshot
from tenantry.scratch.expected import ExpectedSchemas, make_expected
from tenantry.scratch.places import Scratch

_WRITE_AGAIN = "write it so that it can be run on what it has made: CREATE OR REPLACE, DROP ... IF EXISTS before CREATE"


@dataclass(frozen=True, slots=True)
class Replay:
    """An empty scratch database, and what runs files on it."""

    scratch: Scratch
    schemas: ExpectedSchemas
    scope: Scope

    def run(self, migrations: Sequence[Migration]) -> Snapshot:
        """Apply the files in order and return the schema that they make. Raises Refused at the first that fails."""
        return self.schemas.replay(self.scratch, migrations, self.scope)[-1]

    def repeat(self, repeatables: Sequence[Migration], schema: Snapshot) -> Iterator[Problem]:
        """Yield which repeatables cannot be run again, or change the schema that is there when they are."""
        connection, before = self.scratch.connection, schema.fingerprint
        for step in repeatables:
            try:
                connection.execute(step.sql.encode())
                clean(connection)
            except psycopg.Error as error:
                said = f"{error.diag.message_primary} (SQLSTATE {error.sqlstate})"
                yield Problem(f"{step.path}: fails when it is run again: {said}", _WRITE_AGAIN)
                continue
            after = read_fingerprint(connection, self.scope)
            if after != before:
                yield Problem(f"{step.path}: changes the schema when it is run again", _WRITE_AGAIN)
            before = after


@contextmanager
def open_replay(project: Project) -> Iterator[Replay]:
    """Make an empty scratch database for files that no tenant is asked about. Raises ServerError and Refused."""
    schemas = make_expected(project)
    with schemas.place.open_embedded() as scratch:
        yield Replay(scratch, schemas, project.config.scope())
