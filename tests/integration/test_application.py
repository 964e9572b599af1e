"""What an application is told about its database as it starts."""

from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import tenantry
from tests.builders import write_files
from tests.fix_postgres import MakeDatabase
from tests.integration.fix_site import Site, make_site

FILES = {
    "0001_rooms.sql": "CREATE TABLE rooms (id integer PRIMARY KEY);\n",
    "0002_desks.sql": "CREATE TABLE desks (id integer PRIMARY KEY);\n",
}


@pytest.fixture
def here(database: MakeDatabase, tmp_path: Path) -> Site:
    """Return a site of one tenant that has both migrations."""
    site = make_site(database, tmp_path, FILES, tenants=("1",))
    environment = {"TENANTRY_SCRATCH": site.server, "TENANTRY_CACHE": str(tmp_path / "kept")}
    with tenantry.open(site.folder / "tenants.yaml", servers={"main": site.server}, environment=environment) as project:
        assert tenantry.migrate(project).finish().exit_code == 0
    return site


def ask(site: Site, *, user: str = "", to: int | None = None) -> None:
    conninfo = make_conninfo(site.dsn("1"), **({"user": user} if user else {}))
    tenantry.assert_migrated(conninfo, site.folder / "migrations", to=to)


def refusal(site: Site, kind: type[tenantry.RunError], **options: str) -> tuple[str, str]:
    with pytest.raises(kind) as raised:
        ask(site, **options)  # type: ignore[arg-type] # user alone
    return str(raised.value), raised.value.hint


def test_a_database_with_every_file_passes_also_one_that_is_ahead(here: Site) -> None:
    """Nothing is raised for the files that were applied, nor for fewer files than that."""
    ask(here)
    ask(here, to=1)
    (here.folder / "migrations" / "0002_desks.sql").unlink()
    ask(here)


def test_a_database_that_lacks_files_is_refused_by_name(here: Site) -> None:
    """Missing, unfinished and edited files are named, the first three of them."""
    write_files(
        here.folder / "migrations",
        {"0002_desks.sql": "SELECT 2;\n", **{f"000{n}_more.sql": "SELECT 1;\n" for n in (3, 4, 5)}},
    )
    here.query("UPDATE _migrations SET state = 'failed' WHERE version = 1", "1")
    assert refusal(here, tenantry.NotMigrated) == (
        "the database lacks 5 migrations: 0001_rooms (unfinished), 0002_desks (applied with another text), "
        "0003_more (pending) and 2 more, expected 5 applied migrations",
        "migrate this database before the application starts; tenantry plan shows the files that it would get",
    )


def test_a_database_without_a_ledger_lacks_everything(here: Site) -> None:
    """No ledger means that nothing was applied."""
    here.query("DROP TABLE _migrations, _migrations_log", "1")
    assert refusal(here, tenantry.NotMigrated)[0].startswith("the database lacks 2 migrations: 0001_rooms (pending)")


def test_a_role_that_only_reads_the_ledger_is_enough(here: Site) -> None:
    """The application needs no more than SELECT, whoever owns the table; without it, the GRANT is told."""
    name = "application_of_a_test"
    with psycopg.connect(here.dsn("1"), autocommit=True) as connection:
        connection.execute(f"DROP ROLE IF EXISTS {name}")
        connection.execute(f"CREATE ROLE {name} LOGIN")
        try:
            grant = f'GRANT SELECT ON "public"."_migrations" TO "{name}"'
            denied = ("public._migrations: permission denied for table _migrations", grant)
            assert refusal(here, tenantry.Refused, user=name) == denied
            connection.execute(grant)
            ask(here, user=name)
        finally:
            connection.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE _migrations RENAME TO mine; CREATE VIEW _migrations AS SELECT * FROM mine",
        "ALTER TABLE _migrations ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE _migrations DROP COLUMN layout",
    ],
    ids=["view", "row security", "column"],
)
def test_what_is_not_the_ledger_is_never_believed(here: Site, change: str) -> None:
    """A view, a policy or another column in the ledger's place is refused, and nothing of it runs."""
    here.query(change, "1")
    assert refusal(here, tenantry.Refused) == (
        "public._migrations: not a table as tenantry creates it, expected the ledger of this version of tenantry",
        'run "tenantry status" to see how it differs',
    )


def test_bad_input_is_named(here: Site, tmp_path: Path) -> None:
    """A server that does not answer, a version without a file and a folder without files are told apart."""
    folder = here.folder / "migrations"
    with pytest.raises(tenantry.Unreachable, match="No such file or directory"):
        tenantry.assert_migrated(f"host={tmp_path} dbname=none", folder)
    with pytest.raises(tenantry.ConfigError, match=r"to: there is no migration 9 in .*migrations"):
        tenantry.assert_migrated(here.dsn("1"), folder, to=9)
    with pytest.raises(tenantry.MigrationFileError):
        tenantry.assert_migrated(here.dsn("1"), tmp_path / "none")
