"""What ships next to the package: container, action, component, units and examples, each read by its own tool."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tenantry.config.reading import read
from tests.places import ROOT

# By the names that check-jsonschema has for the schemas that it brings.
SCHEMAS = {
    "action.yml": "vendor.github-actions",
    ".github/workflows/ci.yml": "vendor.github-workflows",
    ".github/workflows/release.yml": "vendor.github-workflows",
    ".github/ISSUE_TEMPLATE/bug.yml": "vendor.github-issue-forms",
    ".github/ISSUE_TEMPLATE/idea.yml": "vendor.github-issue-forms",
    ".github/ISSUE_TEMPLATE/config.yml": "vendor.github-issue-config",
    "deploy/compose/compose.yaml": "vendor.compose-spec",
}
COMPONENT = ROOT / "templates" / "tenantry.yml"
PLACEHOLDER = re.compile(r"\$\[\[ inputs\.([a-z-]+) \]\]")


def run(*command: str | Path) -> str:
    """Run a tool of the environment, and return what it printed; it has to end well."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tool(name: str) -> Path:
    return Path(sys.executable).with_name(name)


@pytest.mark.parametrize("name", SCHEMAS)
def test_files_for_other_tools_have_their_schema(name: str) -> None:
    """Each file is valid by the published schema of the tool that reads it."""
    run(tool("check-jsonschema"), "--builtin-schema", SCHEMAS[name], name)


def test_no_file_for_a_tool_is_left_out() -> None:
    """Every YAML file for another tool is in the list above."""
    found = {str(path.relative_to(ROOT)) for path in (ROOT / ".github").rglob("*.yml")}
    assert found | {"action.yml", "deploy/compose/compose.yaml"} == set(SCHEMAS)


def test_the_dockerfile_is_clean() -> None:
    """Hadolint finds nothing, not even what it only notes."""
    assert run(tool("hadolint"), "--failure-threshold", "info", "Dockerfile") == ""


def test_the_build_context_has_what_the_dockerfile_copies() -> None:
    """Each source of a COPY exists and is let into the context, which is closed otherwise."""
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sources = {source for line in copied for source in line.split()}
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert sources == let_in
    assert all((ROOT / source).exists() for source in sources)


def test_the_component_is_a_job_of_gitlab(tmp_path: Path) -> None:
    """With its inputs filled in, the component is a valid pipeline, and it has every input that it uses."""
    spec, _, job = COMPONENT.read_text().partition("\n---\n")
    inputs = yaml.safe_load(spec)["spec"]["inputs"]
    assert set(PLACEHOLDER.findall(job)) == set(inputs)
    filled = PLACEHOLDER.sub(lambda found: str((inputs[found[1]] or {}).get("default") or "migrate"), job)
    (tmp_path / "ci.yml").write_text(filled)
    run(tool("check-jsonschema"), "--builtin-schema", "vendor.gitlab-ci", tmp_path / "ci.yml")
    (steps,) = yaml.safe_load(filled).values()
    assert steps["script"] == ["tenantry migrate migrate"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
def test_the_units_are_clean(tmp_path: Path) -> None:
    """Systemd has nothing to say about the timer and its service, apart from the program that is not there."""
    for unit in (ROOT / "deploy" / "systemd").iterdir():
        text = unit.read_text().replace("/opt/tenantry/bin/tenantry", "/bin/true")
        (tmp_path / unit.name).write_text(text)
    timer = tmp_path / "tenantry-verify.timer"
    done = subprocess.run(["systemd-analyze", "verify", timer], capture_output=True, text=True, check=False)
    # It tells of the units of this machine too.
    assert [line for line in done.stderr.splitlines() if str(tmp_path) in line or "tenantry" in line] == []


def test_the_example_of_compose_is_a_project() -> None:
    """The project of the example can be read, and its tenants are on the server that the example starts."""
    config = read(ROOT / "deploy" / "compose" / "project" / "tenants.yaml", env={}, overrides={})
    services = yaml.safe_load((ROOT / "deploy" / "compose" / "compose.yaml").read_text())["services"]
    assert [tenant.name for tenant in config.tenants] == ["1", "2"]
    assert config.servers["main"].dsn == "host=postgres user=postgres"
    assert "postgres" in services


def test_the_hooks_run_for_files_in_any_folder() -> None:
    """A hook runs for each SQL file, whatever its folder is called, and for the files that list tenants."""
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    for name in ("tenantry-check", "tenantry-lint"):
        pattern = re.compile(hooks[name]["files"])
        for path in ("db/changes/0001_rooms.sql", "migrations/tenant/0001_a.sql", "tenants.yaml", "deploy/fleet.yml"):
            assert pattern.search(path), path
        assert not pattern.search("src/main.py")
