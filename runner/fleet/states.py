"""The states in which the last runs left their tenants, for selections such as `--tenants failed`."""

from collections.abc import Collection

from tenantry.fleet.journal.reading import Runs


def read_state(runs: Runs, state: str) -> Collection[str] | None:
    """Return the ids of the tenants that the last run with each of them left in a state; None if no run is recorded.

    `state` is one of `STATES`. Raises ConfigError if a journal cannot be read.
    """
    headers = [header for header, _, _ in runs.headers() if header and header.verb == "migrate"]
    known = {name for header in headers for name in header.tenants}
    return runs.states(known)[state] if headers else None
