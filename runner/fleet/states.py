"""The states in which the last run left its tenants, for selections such as `--tenants failed`."""

from collections.abc import Collection
from pathlib import Path


def read_state(folder: Path, state: str) -> Collection[str] | None:
    """Return the ids of the tenants that the last run left in a state; None where no run is recorded.

    `folder` is the state folder. `state` is one of `STATES`.
    """
    # No run is recorded yet: runs keep no journal.
    del folder, state
    return None
