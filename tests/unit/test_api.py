"""Opening a project from a program: what is refused before any server is asked."""

import math
from pathlib import Path
from typing import Any

import pytest

import tenantry
from tests.builders import write_files

TENANTS_YAML = """\
servers: {main: "host=${HOST}"}
tenants:
  migrations: migrations
  server: main
  database: tenant_{id}
  list: [1, 16]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a tenants.yaml that needs a variable, with one migration."""
    write_files(tmp_path, {"tenants.yaml": TENANTS_YAML})
    write_files(tmp_path / "migrations", {"0001_a.sql": "SELECT 1;\n"})
    return tmp_path / "tenants.yaml"


def open_here(path: Path, **options: Any) -> tenantry.OpenProject:
    """Open the project, with the variable that it needs."""
    return tenantry.open(path, **{"environment": {"HOST": "/nowhere"}, **options})


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown": ({"tenants": "17"}, "--tenants: unknown tenant '17', expected one of 1, 16"),
    "empty": ({"tenants": ""}, "--tenants: empty, expected ids separated by commas, master or all"),
    "jobs": ({"jobs": 0}, "jobs: 0, expected 1 or more"),
    "lock-wait": ({"lock_wait": -0.5}, "lock_wait: -0.5, expected 0 or more seconds"),
    "lock-wait, no number": ({"lock_wait": math.nan}, "lock_wait: nan, expected 0 or more seconds"),
    "lock-wait, endless": ({"lock_wait": math.inf}, "lock_wait: inf, expected 0 or more seconds"),
    "wait, no number": ({"wait": math.nan}, "wait: nan, expected 0 or more seconds"),
}


@pytest.mark.parametrize(("options", "message"), WRONG.values(), ids=WRONG)
def test_wrong(path: Path, options: dict[str, Any], message: str) -> None:
    """What is wrong with the input is raised when the project is opened, as the package's own exception."""
    with pytest.raises(tenantry.ConfigError) as caught:
        open_here(path, **options)
    assert (str(caught.value), caught.value.exit_code) == (message, 2)


def test_environment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables come from the environment that is given, and from that of the process where none is."""
    monkeypatch.setenv("HOST", "/nowhere")
    with tenantry.open(path) as project:
        assert [tenant.name for tenant in project.tenants] == ["1", "16"]
    with pytest.raises(tenantry.InputError):
        tenantry.open(path, environment={})


def test_path_as_text(path: Path) -> None:
    """A path may be a text."""
    assert [tenant.name for tenant in open_here(Path(str(path)), tenants="16").tenants] == ["16"]
    assert len(tenantry.open(str(path), environment={"HOST": "/nowhere"}).tenants) == 2


def test_wrong_argument_of_a_verb(path: Path) -> None:
    """What is wrong with an argument is raised by the call, before any event."""
    with open_here(path) as project:
        with pytest.raises(tenantry.ConfigError) as caught:
            tenantry.migrate(project, to=9)
        assert str(caught.value) == "--to: there is no migration 9; the newest is 0001_a"
        with pytest.raises(tenantry.ConfigError):
            tenantry.drift(project, against="nothing.sql")


def test_closed(path: Path) -> None:
    """Nothing is run on a project that was closed."""
    with open_here(path) as project:
        pass
    with pytest.raises(tenantry.RunError) as caught:
        tenantry.status(project)
    assert str(caught.value) == "the project is closed, expected an open one"


def test_offline(path: Path) -> None:
    """A project that was opened offline has no tenants, and is never taken for one all of whose tenants are well."""
    with open_here(path, offline=True) as project:
        assert project.tenants == ()
        for verb in (tenantry.migrate, tenantry.status, tenantry.plan, tenantry.verify, tenantry.drift):
            with pytest.raises(tenantry.RunError) as caught:
                verb(project)
            assert str(caught.value) == "the project was opened offline, so no tenant is selected"


def test_a_server_that_was_never_made(tmp_path: Path) -> None:
    """A verb that reads makes no embedded server, and says so at once."""
    write_files(tmp_path, {"tenants.yaml": TENANTS_YAML.replace('"host=${HOST}"', "embedded")})
    write_files(tmp_path / "migrations", {"0001_a.sql": "SELECT 1;\n"})
    with tenantry.open(tmp_path / "tenants.yaml") as project, pytest.raises(tenantry.ServerError):
        tenantry.status(project)
    assert not (tmp_path / ".tenantry").exists()
