"""The control database of workers: its schema is left out of the proof of the master where it is in the master."""

from pathlib import Path

import pytest

from tenantry.config.model import Config
from tenantry.config.reading import parse
from tenantry.model.scope import Ignored

TEXT = """
servers: {{main: host=db user=deploy}}
master: {{server: main, database: studio_master, migrations: migrations/master}}
tenants: {{migrations: migrations/tenant, server: main, database: "studio_{{id}}", list: [1]}}
{}
"""


def read(workers: str) -> Config:
    """Return the project with these lines about workers."""
    return parse(TEXT.format(workers), path=Path("tenants.yaml"), env={})


@pytest.mark.parametrize(
    ("workers", "left_out"),
    [
        ("", False),
        ("workers: {}", True),
        ("workers: {database: host=db dbname=studio_master user=tenantry_run}", True),
        ("workers: {database: 'postgresql://tenantry_run@db/studio_master'}", True),
        ("workers: {database: host=db dbname=control user=tenantry_run}", False),
        ("workers: {database: host=other dbname=studio_master}", False),
    ],
)
def test_left_out_of_the_master(workers: str, *, left_out: bool) -> None:
    """Whoever connects to it, the schema is tenantry's own in the master, and in no other database."""
    config = read(workers)
    master, (tenant,) = config.master, config.tenants
    ignored = (Ignored("schema", "tenantry_workers"), Ignored("*", "tenantry_workers.*"))
    assert config.scope(master).ignored == (ignored if left_out else ())
    assert config.scope(tenant).ignored == ()
