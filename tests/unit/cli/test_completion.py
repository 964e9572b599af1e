"""Completion in a shell: whatever is offered would be accepted."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tenantry.cli import main
from tests.unit.cli.fix_call import MASTER, TENANTS_YAML, Call


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_verb(call: Call, shell: str) -> None:
    """The script of a shell is printed as the shell reads it, and nothing else."""
    ended = call("completion", shell)
    assert (ended.code, ended.err) == (0, "")
    assert f"_TENANTRY_COMPLETE={shell}_complete" in ended.out
    assert "\\x" not in ended.out


@pytest.fixture
def complete(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], list[str]]:
    """Ask for completions of a line as bash does, in a folder with a tenants.yaml."""
    (folder / "tenants.yaml").write_text(MASTER + TENANTS_YAML)

    def complete(line: str) -> list[str]:
        words = line.split(" ")
        for name, value in {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("_TENANTRY_COMPLETE", "bash_complete")
        monkeypatch.setattr(sys, "argv", ["tenantry"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        return [line.removeprefix("plain,") for line in capsys.readouterr().out.splitlines() if line]

    return complete


COMPLETIONS = {
    "tenantry m": ["migrate", "mark"],
    "tenantry migrate --ten": ["--tenants"],
    "tenantry migrate --tenants ": ["all", "master", "1", "16", "161"],
    "tenantry migrate --tenants 16": ["16", "161"],
    "tenantry migrate --tenants 1,16": ["1,16", "1,161"],
    "tenantry migrate --tenants 1,": ["1,master", "1,16", "1,161"],
    "tenantry migrate --tenants m": ["master"],
    "tenantry migrate --tenants x": [],
    "tenantry accept 12 --tenants 161": ["161"],
    "tenantry db st": ["start", "stop"],
    "tenantry plan --format ": ["plan", "jsonl", "sql"],
    "tenantry --config nowhere.yaml status --tenants ": [],
}


@pytest.mark.parametrize(("line", "expected"), COMPLETIONS.items(), ids=COMPLETIONS)
def test_completion(complete: Callable[[str], list[str]], line: str, expected: list[str]) -> None:
    """What is completed is what would be accepted: verbs, options, and the ids of tenants.yaml behind each comma."""
    assert complete(line) == expected


def test_completion_without_master(complete: Callable[[str], list[str]], folder: Path) -> None:
    """The master is offered where there is one."""
    (folder / "tenants.yaml").write_text(TENANTS_YAML)
    assert complete("tenantry migrate --tenants m") == []


def test_completion_of_another_file(complete: Callable[[str], list[str]], folder: Path) -> None:
    """Ids are those of the file that is named, before or behind the verb."""
    (folder / "other.yaml").write_text(TENANTS_YAML.replace("[1, 16, 161]", "[7]"))
    assert complete("tenantry --config other.yaml migrate --tenants 7") == ["7"]
    assert complete("tenantry migrate --config other.yaml --tenants 7") == ["7"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(call: Call, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    """Each shell gets a script to evaluate."""
    # click looks for a bash to ask for its version; which one is installed here is nothing to this test.
    monkeypatch.setattr("click.shell_completion.BashComplete._check_version", staticmethod(lambda: None))
    monkeypatch.setenv("_TENANTRY_COMPLETE", f"{shell}_source")
    ended = call()
    assert (ended.code, ended.err) == (0, "")
    assert f"_TENANTRY_COMPLETE={shell}_complete" in ended.out
