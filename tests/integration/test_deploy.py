"""The manifests in deploy/kubernetes: valid by the schemas of Kubernetes itself, with commands that do as told."""

import os
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # it ships no types
import pytest
import yaml

from tests.places import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
FILES = sorted(path.name for path in FOLDER.iterdir())
# The oldest one in which each key of the manifests is stable, and one of today.
VERSIONS = ("1.33", "1.35")


def read(name: str) -> list[dict[str, Any]]:
    """Return the objects of a manifest."""
    return list(yaml.safe_load_all((FOLDER / name).read_text("utf-8")))


def find_container(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the one container of a manifest."""
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = container
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", FILES)
def test_valid(name: str, version: str) -> None:
    """Every object is valid, and has no key that its schema lacks."""
    for manifest in read(name):
        kubernetes_validate.validate(manifest, version, strict=True)


def test_an_unknown_key_is_found() -> None:
    """The schemas are strict: a misspelt key would be found."""
    (manifest,) = read("shards.yaml")
    manifest["spec"]["completion"] = 10
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, VERSIONS[0], strict=True)


def test_shards_of_an_indexed_job(tmp_path: Path) -> None:
    """The pods of the indexed job, which Kubernetes counts from 0, have one shard each, counted from 1."""
    (manifest,) = read("shards.yaml")
    container, number = find_container(manifest), manifest["spec"]["completions"]
    shown = tmp_path / "tenantry"
    shown.write_text('#!/bin/sh\necho "$@"\n')
    shown.chmod(0o755)
    given = {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}
    said = []
    for index in range(number):
        environment = {**given, "JOB_COMPLETION_INDEX": str(index), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        command = [*container["command"], *container["args"]]
        said.append(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert said == [f"migrate --yes --format jsonl --shard {index}/{number}\n" for index in range(1, number + 1)]
    assert manifest["spec"]["parallelism"] <= number


@pytest.mark.parametrize("name", FILES)
def test_what_another_run_would_not_change(name: str) -> None:
    """A pod starts again for the exit codes after which another run finishes the rest, and for no other."""
    for manifest in read(name):
        if manifest["kind"] == "Job":
            (rule,) = manifest["spec"]["podFailurePolicy"]["rules"]
            assert rule["onExitCodes"]["values"] == [2, 3, 4, 70]
            assert rule["onExitCodes"]["containerName"] == find_container(manifest)["name"]
