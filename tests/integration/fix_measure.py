"""Scratch databases that files are measured on, and what was seen there in short."""

from collections.abc import Iterator

import pytest

from tenantry.lint.measure.replay import measure_file
from tenantry.model.effects import Lock, Measured
from tenantry.scratch.places import Scratch
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import make_migration, make_sessions, make_tenant


def open_scratch(dsn: str, *, own_server: bool = False) -> Iterator[Scratch]:
    """Yield a database as a scratch database."""
    tenant, sessions = make_tenant(dsn), make_sessions(dsn)
    with sessions.connect(tenant) as connection:
        yield Scratch(tenant, sessions, connection, own_server)


@pytest.fixture
def scratch(database: MakeDatabase) -> Iterator[Scratch]:
    """Return an empty scratch database on the server of the run, which is not its own."""
    yield from open_scratch(database())


def measure(scratch: Scratch, *texts: str, transactional: bool = True) -> tuple[Measured, ...]:
    """Run files in order and return what the statements of the last one do."""
    *before, last = texts
    for text in before:
        measure_file(scratch, make_migration(1, "before", text), "public")
    return measure_file(scratch, make_migration(2, "file", last, transactional=transactional), "public")


def seen(effects: tuple[Measured, ...]) -> list[tuple[tuple[Lock, ...], tuple[str, ...], tuple[str, ...]]]:
    """Return locks, rewrites and scans of each."""
    return [(effect.locks, effect.rewritten, effect.scanned) for effect in effects]
