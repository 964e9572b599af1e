"""`init`: a project of one's own, from nothing and from a database that exists."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.acceptance.fix_command import Fleet, MakeFleet

CREATED = [
    "tenants.yaml",
    "migrations/master/0000_tenants.sql",
    "migrations/tenant/0000_first_tables.sql",
    "migrations/tenant/checks/customers.sql",
    "tenants.schema.json",
]


@pytest.fixture
def project(fleet: MakeFleet) -> Fleet:
    """Return a fleet of one tenant that has a schema, and the environment to call the command in other folders."""
    one = fleet(tenants=["1"])
    # Messages as people get them.
    return replace(one, environment={**one.environment, "TENANTRY_LOG": "text"})


def read_commands(out: str) -> list[str]:
    """Return the next commands of a report."""
    return [line.removeprefix("  ") for line in out.partition("next:\n")[2].splitlines()]


def test_empty_folder(project: Fleet, tmp_path: Path) -> None:
    """An empty folder is one error, whose hint names init."""
    done = project.run("status", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert [line.split(":")[0] for line in done.err.splitlines()] == ["error", "hint"]
    assert 'init" to create one' in done.err


def test_fleet(project: Fleet, tmp_path: Path) -> None:
    """A new project names its files, and the commands that it says next work as they are typed."""
    done = project.run("init", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert done.out.partition("next:")[0].splitlines() == [f"created {name}" for name in CREATED]
    assert (tmp_path / ".gitignore").read_text() == ".tenantry/\n.env\n"
    assert [command.split(" ", 1)[1] for command in read_commands(done.out)] == [
        "migrate",
        "status",
        'new "rates per room"',
    ]
    checked = project.run("check", cwd=tmp_path)
    assert (checked.code, checked.err) == (0, "")
    assert project.run("new", "rates", cwd=tmp_path).out == "migrations/tenant/0001_rates.sql\n"


def test_nothing_is_overwritten(project: Fleet, tmp_path: Path) -> None:
    """Where files are in the way, each is named, and nothing is written."""
    (tmp_path / "tenants.yaml").write_text("mine\n")
    (tmp_path / "migrations" / "tenant").mkdir(parents=True)
    (tmp_path / "migrations" / "tenant" / "V1__a.sql").write_text("mine\n")
    before = sorted(tmp_path.rglob("*"))
    done = project.run("init", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[:2] == [
        "error: tenants.yaml: exists, and is not overwritten",
        "error: migrations/tenant/V1__a.sql: exists, and is not overwritten",
    ]
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "tenants.yaml").read_text() == "mine\n"


def test_git_ignores_are_added_once(project: Fleet, tmp_path: Path) -> None:
    """Lines that .gitignore has stay, and ours are added where they are missing."""
    (tmp_path / ".gitignore").write_text("build")
    assert project.run("init", cwd=tmp_path).code == 0
    assert (tmp_path / ".gitignore").read_text() == "build\n.tenantry/\n.env\n"


def test_single(project: Fleet, tmp_path: Path) -> None:
    """A project of one database is migrated without --tenants, by its URL, and so is a repair."""
    environment = {"DATABASE_URL": project.dsn("1")}
    done = project.run("init", "app", "--single", cwd=tmp_path, env=environment)
    assert done.code == 0
    done = project.run("migrate", cwd=tmp_path / "app", env=environment)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-2].startswith("1 database: 1 applied in ")
    assert project.versions("1") == [0]
    marked = project.run("forget", "0", "--reason", "x", cwd=tmp_path / "app", env=environment)
    assert (marked.code, marked.err) == (0, "")


def test_from_a_database(project: Fleet, tmp_path: Path) -> None:
    """The schema of a database becomes the first migration, which is recorded there; the proof agrees."""
    project.query("1", "CREATE TABLE rooms (id int PRIMARY KEY, name text NOT NULL)")
    source = f"{project.dsn('1')} password=s3cret"
    done = project.run("init", "app", "--single", "--from", source, cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert "CREATE TABLE public.rooms" in (tmp_path / "app" / "migrations" / "0000_first_tables.sql").read_text()
    assert project.versions("1") == [0]
    assert project.log("1") == [(0, "adopted", "tenantry init --from")]
    assert not any("s3cret" in path.read_text() for path in (tmp_path / "app").glob("*") if path.is_file())
    verified = project.run("verify", cwd=tmp_path / "app", env={"DB_PASSWORD": "s3cret"})
    assert (verified.code, verified.err) == (0, "")


def test_from_nowhere(project: Fleet, tmp_path: Path) -> None:
    """Where the database cannot be read, nothing is left behind, and no secret is told."""
    done = project.run("init", "app", "--from", "host=/nowhere dbname=a password=s3cret", cwd=tmp_path)
    assert (done.code, done.out) == (5, "")
    assert done.err.startswith("error: --from: ")
    assert "s3cret" not in done.err
    assert not (tmp_path / "app").exists()


def test_from_a_database_with_a_record(project: Fleet, tmp_path: Path) -> None:
    """A database that tenantry migrates already has files, and gets no others."""
    assert project.run("migrate").code == 0
    done = project.run("init", "app", "--from", project.dsn("1"), cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert "has a record of migrations, expected one without" in done.err
    assert not (tmp_path / "app").exists()
