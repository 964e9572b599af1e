"""Where the data of a machine is kept: beside a read-only project, for a user alone, and never believed if forged."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.acceptance.fix_command import COMMAND, FILES, Fleet, MakeFleet, Result, drop_databases, make_fleet

# Reads what root reads, since the tests' own interpreter may be root's alone, and writes what nobody may write.
_NOBODY = ("--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+dac_read_search")
AS_NOBODY = ("setpriv", *_NOBODY, "--ambient-caps=+dac_read_search") if os.geteuid() == 0 else ()


@pytest.fixture
def sealed_off(own_folder: Path, server_dsn: str) -> Iterator[Fleet]:
    """Return a fleet whose project folder is read-only; `home` next to it may be written to."""
    one = make_fleet(own_folder / "project", server_dsn, scratch=False)
    home = own_folder / "home"
    home.mkdir()
    if AS_NOBODY:
        os.chown(home, 65534, 65534)
    folders = [one.folder, *(path for path in one.folder.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    yield one
    for path in folders:
        path.chmod(0o755)
    drop_databases(one)


def run(one: Fleet, *args: str, env: Mapping[str, str]) -> Result:
    """Run the command as a user who may not write to the project."""
    done = subprocess.run(
        [*AS_NOBODY, str(COMMAND), *args],
        cwd=one.folder,
        env={**one.environment, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def list_files(folder: Path) -> list[str]:
    """Return the folders directly below a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.slow
def test_read_only_project(sealed_off: Fleet) -> None:
    """A run from a read-only folder is like any other; its data is in the user's folder, and a later run finds it."""
    home = sealed_off.folder.parent / "home"
    env = {"HOME": str(home), "XDG_STATE_HOME": ""}
    for verb in ("migrate", "verify", "migrate"):
        done = run(sealed_off, verb, env=env)
        assert (done.code, "warning" in done.err) == (0, False), done.err
    (place,) = (home / ".local/state/tenantry/projects").iterdir()
    assert {"expected", "scratch", "texts"} <= set(list_files(place))
    assert not (sealed_off.folder / ".tenantry").exists()


def test_scratch_and_cache(sealed_off: Fleet, server_dsn: str) -> None:
    """With a scratch server, a cache and its key, nothing but journals is written anywhere else."""
    home = sealed_off.folder.parent / "home"
    env = {
        "HOME": str(home),
        "XDG_STATE_HOME": "",
        "TENANTRY_SCRATCH": server_dsn,
        "TENANTRY_CACHE": str(home / "cache"),
        "TENANTRY_CACHE_KEY": "secret",
    }
    for verb in ("migrate", "verify"):
        done = run(sealed_off, verb, env=env)
        assert (done.code, "warning" in done.err) == (0, False), done.err
    assert list_files(home) == [".local", "cache"]
    # The journals of the runs: these are no results that can be computed again.
    kept = {path.parent.name for path in (home / ".local").rglob("*") if path.is_file()}
    assert kept == {"runs"}
    assert not (sealed_off.folder / ".tenantry").exists()


def test_no_folder_at_all(sealed_off: Fleet, server_dsn: str) -> None:
    """Where nothing can be written, the tenants decide the exit code, and a warning tells of it."""
    env = {"HOME": "/nowhere", "XDG_STATE_HOME": "", "TMPDIR": "/nowhere", "TENANTRY_SCRATCH": server_dsn}
    for verb in ("migrate", "verify"):
        done = run(sealed_off, verb, env=env)
        assert (done.code, "the next run starts from nothing" in done.err) == (0, True), done.err


def test_named_state(fleet: MakeFleet, tmp_path: Path) -> None:
    """TENANTRY_STATE is the place of all that is kept."""
    one = fleet(tenants=["1"])
    env = {"TENANTRY_STATE": str(tmp_path / "state"), "TENANTRY_CACHE": ""}
    assert one.run("migrate", env=env).code == 0
    assert {"expected", "texts"} <= set(list_files(tmp_path / "state"))
    assert not (one.folder / ".tenantry").exists()


def forge(folder: Path) -> None:
    """Make every kept schema the one that is at hand: that of a tenant that lacks a column."""
    for path in folder.glob("*.json"):
        seal, _, text = path.read_text("utf-8").partition("\n")
        document = json.loads(text)
        document["objects"] = [found for found in document["objects"] if "rate" not in found["name"]]
        path.write_text(f"{seal}\n{json.dumps(document)}", "utf-8")


def test_forged_snapshot(fleet: MakeFleet, tmp_path: Path) -> None:
    """A forged schema, or one that another user kept, makes no tenant proven."""
    one = fleet(tenants=["1", "other"])
    mine = {"TENANTRY_CACHE": str(tmp_path / "mine"), "TENANTRY_CACHE_KEY": "mine"}
    assert one.run("migrate", env=mine).code == 0
    for name in ("1", "other"):
        one.query(name, "ALTER TABLE rooms DROP COLUMN rate")
    # Where no column is, that is what an attacker's own project would keep, under the same names.
    forge(tmp_path / "mine" / "expected")
    assert one.run("verify", env=mine).code == 1
    foreign = {**mine, "TENANTRY_CACHE_KEY": "foreign"}
    shutil.rmtree(tmp_path / "mine")
    assert one.run("verify", env=foreign).code == 1
    forge(tmp_path / "mine" / "expected")
    assert one.run("verify", env=mine).code == 1


def test_cache_that_others_write_to(fleet: MakeFleet, tmp_path: Path) -> None:
    """A cache that others may write to is not used, which one warning says."""
    one = fleet(tenants=["1", "16"], files=FILES)
    cache = tmp_path / "cache" / "expected"
    cache.mkdir(parents=True)
    cache.chmod(0o777)
    done = one.run("migrate", env={"TENANTRY_CACHE": str(cache.parent)})
    assert (done.code, done.err.count(f"{cache}: others may write to it")) == (0, 1)
    assert list(cache.glob("*.json")) == []
