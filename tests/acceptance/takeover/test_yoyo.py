"""The repository's migrations are sources of yoyo-migrations too: applied by it, they make the same schema."""

from pathlib import Path

import pytest

from tests.acceptance.fix_command import Fleet, MakeFleet, create_databases, dump_schema
from tests.places import ROOT

MIGRATIONS = ROOT / "migrations"
YOYO_TABLES = ("_yoyo*", "yoyo_lock")

# In a process of its own: yoyo keeps what it has read in a registry of the process.
APPLY = """
import sys
from yoyo import get_backend, read_migrations
backend = get_backend(sys.argv[1])
migrations = read_migrations(sys.argv[2])
with backend.lock():
    backend.apply_migrations(backend.to_apply(migrations))
assert not list(backend.to_apply(migrations))
"""


def apply_with_yoyo(fleet: Fleet, name: str, folder: Path) -> None:
    """Apply a folder of migrations to a tenant's database with yoyo."""
    host = fleet.server.partition("host=")[2].split()[0]
    port = fleet.server.partition("port=")[2].split()[0]
    url = f"postgresql+psycopg://postgres@/{fleet.database(name)}?host={host}&port={port}"
    done = fleet.python("-c", APPLY, url, str(folder))
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("set_name", "tables"), [pytest.param("master", 7, id="master"), pytest.param("tenant", 30, id="tenant")]
)
def test_yoyo_makes_the_same_schema(fleet: MakeFleet, set_name: str, tables: int) -> None:
    """pg_dump writes the same schema for a database that yoyo migrated and for one that tenantry did."""
    folder = MIGRATIONS / set_name
    files = {path.name: path.read_bytes() for path in folder.glob("*.sql")}
    tenant = "master" if set_name == "master" else "1"
    given = {"master": files} if set_name == "master" else {"files": files}
    one = fleet(tenants=["1"], **given)
    create_databases(one, "yoyo")
    assert one.run("migrate", "--tenants", tenant).code == 0
    apply_with_yoyo(one, "yoyo", folder)
    schema = dump_schema(one.dsn(tenant))
    assert schema.count("CREATE TABLE ") == tables
    assert dump_schema(one.dsn("yoyo"), without=YOYO_TABLES) == schema
