"""The files that a call works on: tenants.yaml, its variables, and all that is wrong with them."""

from pathlib import Path

import pytest

from tests.unit.cli.fix_call import TENANTS_YAML, Call, write_project


def test_no_configuration(call: Call) -> None:
    """Where there is no tenants.yaml the error names it, and the hint is one that can be saved as it stands."""
    ended = call("migrate")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: tenants.yaml: not found, expected a file\nhint: ")


@pytest.mark.parametrize("arguments", [["--config", "c.yaml", "status"], ["status", "--config", "c.yaml"]])
def test_config_before_and_behind_the_verb(call: Call, arguments: list[str]) -> None:
    """The file may be named before and behind the verb."""
    assert call(*arguments).err.startswith("error: c.yaml: not found, expected a file\n")


def test_config_of_a_folder_above(call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """tenants.yaml is found from every folder below it, and paths are relative to it."""
    write_project(folder, **{"0001_a.sql": "SELCT 1;\n"})
    monkeypatch.chdir(folder / "migrations" / "tenant")
    assert call("plan").err.startswith("error: ../../migrations/tenant/0001_a.sql:1:1: syntax error")


def test_variables_from_a_file(call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of variables is read where that is asked for; variables that are set already win."""
    write_project(folder)
    (folder / "tenants.yaml").write_text(TENANTS_YAML.replace("embedded", "'${CHOSEN_DSN}'"))
    (folder / ".env").write_text("CHOSEN_DSN='malformed in the file'\n")
    monkeypatch.setenv("CHOSEN_DSN", "")
    monkeypatch.delenv("CHOSEN_DSN")
    assert "${CHOSEN_DSN} not set" in call("status").err
    assert "servers.main: malformed" in call("status", "--env-file", ".env").err
    monkeypatch.setenv("CHOSEN_DSN", "embedded")
    assert "has not been created" in call("--env-file", ".env", "status").err


def test_a_file_of_variables_is_read_whole(call: Call, folder: Path) -> None:
    """A line that is no variable ends the run: one that is missing could lead to another database."""
    write_project(folder)
    (folder / ".env").write_text("A=1\nnot a variable\n")
    ended = call("status", "--env-file", ".env")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: .env:2: not a variable, expected NAME=value\n")


def test_config_from_the_environment(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file may be named in the environment, and an option wins over that."""
    monkeypatch.setenv("TENANTRY_CONFIG", "env.yaml")
    assert call("status").err.startswith("error: env.yaml: not found")
    assert call("status", "--config", "c.yaml").err.startswith("error: c.yaml: not found")
    assert call("--config", "c.yaml", "status").err.startswith("error: c.yaml: not found")


def test_all_problems(call: Call, folder: Path) -> None:
    """Every fault of the input is said in one go, each with its hint, and exit code 2."""
    write_project(folder, **{"0001_a.sql": "SELCT 1;\n", "0002-b.sql": "SELECT 1;\n"})
    ended = call("plan")
    assert (ended.code, ended.out) == (2, "")
    assert [line for line in ended.err.splitlines() if line.startswith("error:")] == [
        'error: migrations/tenant/0001_a.sql:1:1: syntax error at or near "SELCT"',
        "error: migrations/tenant/0002-b.sql: not a migration file name,"
        " expected NNNN_name.sql with only digits, a-z and _",
    ]
    assert len([line for line in ended.err.splitlines() if line.startswith("hint:")]) == 2
    assert not (folder / ".tenantry").exists()


def test_no_server_yet(call: Call, folder: Path) -> None:
    """A verb that reads makes no server: it says which one does."""
    write_project(folder)
    ended = call("status")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: .tenantry: the embedded server has not been created\nhint: ")
    assert not (folder / ".tenantry").exists()
