"""Where the files of a project are replayed, and files run there for their own sake, no tenant being asked about."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runner.config import Config
from runner.expected import ExpectedSchemas
from runner.model import Migration
from runner.provenance import Provenance
from runner.scratch import Scratch, ScratchPlace
from runner.session import Settings
from runner.snapshot import Scope, Snapshot


@dataclass(frozen=True, slots=True)
class Replay:
    """An empty scratch database, and what runs files on it."""

    scratch: Scratch
    schemas: ExpectedSchemas
    scope: Scope

    def run(self, migrations: Sequence[Migration]) -> Snapshot:
        """Apply the files in order and return the schema that they make. Raises Refused at the first that fails."""
        return self.schemas.replay(self.scratch, migrations, self.scope)[-1]


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
