"""The command as a program: how it is called, what it says of itself, what a shell completes."""

import tomllib
from pathlib import Path

import pytest

from tenantry.verbs.verb import VERBS
from tests.acceptance.fix_command import MASTER_FILES, Fleet, MakeFleet, find_commands
from tests.places import ROOT


@pytest.fixture
def project(fleet: MakeFleet) -> Fleet:
    """Return a project whose databases are not there."""
    return fleet(master=MASTER_FILES, created=False)


def test_version(project: Fleet) -> None:
    """`--version` is that of the distribution."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert project.run("--version").out == f"tenantry, version {version}\n"


def test_help(project: Fleet) -> None:
    """Help lists every verb with its one line, the exit codes, and an example."""
    done = project.run("--help")
    assert (done.code, done.err) == (0, "")
    listed = done.out.partition("Every day:\n")[2].splitlines()
    assert [line.split()[0] for line in listed if line.startswith("  ") and line[2] != " "] == list(VERBS)
    assert "  tenantry migrate --tenants 1,16\n" in done.out
    for code in ("0 all selected", "1 a finding", "2 invalid input", "3 a tenant failed", "70 a bug", "130 Ctrl-C"):
        assert code in done.out.replace("\n  ", " ")


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb(project: Fleet, verb: str) -> None:
    """The help of each verb has an example that begins with the command."""
    done = project.run(verb, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: tenantry {verb} [OPTIONS]")
    assert f"\n    tenantry {verb}" in done.out


def test_without_a_verb(project: Fleet) -> None:
    """Called without a verb, the command shows its help and exits with 2: nothing was done."""
    done = project.run()
    assert done.code == 2
    assert "Usage: tenantry [OPTIONS] VERB [ARGS]..." in done.out + done.err


def test_as_a_module(fleet: MakeFleet) -> None:
    """`python -m tenantry` does the same, and its hints name it so."""
    one = fleet(tenants=["1"])
    done = one.python("-m", "tenantry", "migrate")
    assert (done.code, one.versions("1")) == (0, [0, 1])
    one.remove("0001_rates.sql")
    refused = one.python("-m", "tenantry", "migrate")
    assert refused.code == 4
    assert find_commands(refused.out) == []
    last = refused.out.splitlines()[-1]
    assert (last.startswith("after fixing that: python"), last.endswith(" -m tenantry migrate --tenants 1")) == (
        True,
        True,
    )


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        pytest.param("tenantry mig", ["migrate"], id="verb"),
        pytest.param("tenantry migrate --ten", ["--tenants"], id="option"),
        pytest.param("tenantry migrate --tenants ", ["all", "master", "1", "16"], id="tenants"),
        pytest.param("tenantry migrate --tenants 1,", ["1,master", "1,16"], id="a second tenant"),
    ],
)
def test_completion(project: Fleet, words: str, offered: list[str]) -> None:
    """A shell completes verbs, options, and the ids of tenants.yaml."""
    typed = words.split(" ")
    environment = {
        "_TENANTRY_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(typed) - 1),
    }
    done = project.run(env=environment)
    assert (done.code, [line.split(",", 1)[1] for line in done.out.splitlines()]) == (0, offered)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script(project: Fleet, shell: str) -> None:
    """What the help says to evaluate gives the completion of each shell."""
    done = project.run(env={"_TENANTRY_COMPLETE": f"{shell}_source"})
    assert (done.code, "tenantry" in done.out) == (0, True)


def test_config_of_another_folder(fleet: MakeFleet, tmp_path: Path) -> None:
    """`--config`, before or behind the verb, and TENANTRY_CONFIG name the file; its paths are relative to it."""
    one = fleet(tenants=["1"])
    config = str(one.folder / "tenants.yaml")
    assert one.run("--config", config, "migrate", "--to", "0", cwd=tmp_path).code == 0
    assert one.run("migrate", "--config", config, cwd=tmp_path).code == 0
    assert one.run("verify", cwd=tmp_path, env={"TENANTRY_CONFIG": config}).code == 0
    assert one.run("verify", cwd=tmp_path).code == 2
