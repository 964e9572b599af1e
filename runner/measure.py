"""What each statement of the files does to a database that has rows: measured once on a scratch database, and kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.config import Config
from runner.effects import Effect
from runner.model import Migration
from runner.provenance import Provenance
from runner.scratch import ScratchPlace
from runner.session import Settings
from runner.snapshot import Scope


@dataclass(frozen=True, slots=True)
class Measures:
    """Gives what files were measured to do. `folder` is where that is kept; it may be deleted at any time."""

    folder: Path
    place: ScratchPlace
    provenance: Provenance

    def effects(self, migrations: Sequence[Migration], scope: Scope) -> tuple[tuple[Effect, ...], ...]:
        """Return for each file the effect of each of its statements.

        Raises Refused where a file does not apply, Refused or ServerError where there is no place to measure.
        """
        raise NotImplementedError


def make_measures(config: Config, environment: Mapping[str, str], provenance: Provenance) -> Measures:
    """Return what measures files, and keeps that in the state folder, or where TENANTRY_CACHE says."""
    kept = environment.get("TENANTRY_CACHE")
    place = ScratchPlace(
        config.state / "scratch", Settings(provenance.application_name), environment.get("TENANTRY_SCRATCH", "")
    )
    return Measures(Path(kept) / "measured" if kept else config.state / "measured", place, provenance)
