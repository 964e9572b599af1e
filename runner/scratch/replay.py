"""Where the files of a project are replayed, and files run there for their own sake, no tenant being asked about."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tenantry.config import Config
from tenantry.ledger.provenance import Provenance
from tenantry.model import Migration
from tenantry.model.errors import Problem
from tenantry.postgres.sessions import Settings
from tenantry.postgres.transaction import clean
from tenantry.schema.catalog import read_fingerprint
from tenantry.schema.snapshot import Scope, Snapshot
from tenantry.scratch.expected import ExpectedSchemas
from tenantry.scratch.places import Scratch, ScratchPlace

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


def make_expected(
    config: Config, environment: Mapping[str, str], provenance: Provenance, settings: Settings
) -> ExpectedSchemas:
    """Return what gives the schema that files stand for.

    Snapshots are kept in the state folder, or where TENANTRY_CACHE says; files are replayed on scratch databases, which
    are on the server of TENANTRY_SCRATCH where there is one.
    """
    kept = environment.get("TENANTRY_CACHE")
    place = ScratchPlace(config.state / "scratch", settings, environment.get("TENANTRY_SCRATCH", ""))
    return ExpectedSchemas(Path(kept) if kept else config.state / "expected", place, provenance)


@contextmanager
def open_replay(config: Config, environment: Mapping[str, str], provenance: Provenance) -> Iterator[Replay]:
    """Make an empty scratch database for files that no tenant is asked about. Raises ServerError and Refused."""
    schemas = make_expected(config, environment, provenance, Settings(provenance.application_name))
    with schemas.place.open_embedded() as scratch:
        yield Replay(scratch, schemas, config.scope())
