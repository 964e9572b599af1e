"""The folder that holds what a machine alone needs."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tenantry.state import Cache, make_state_folder


def test_git_passes_over_it(tmp_path: Path) -> None:
    """Adding everything to git adds nothing of the state folder."""
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    make_state_folder(tmp_path / ".tenantry" / "scratch")
    (tmp_path / ".tenantry" / "scratch" / "data").write_text("rows")
    listed = subprocess.run(
        ["git", "-C", tmp_path, "status", "--porcelain", "--untracked-files=all"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert listed.stdout == ""


def test_what_is_written_there_stays(tmp_path: Path) -> None:
    """A .gitignore that a person has changed is left as it is."""
    make_state_folder(tmp_path / ".tenantry")
    ignore = tmp_path / ".tenantry" / ".gitignore"
    ignore.write_text("other")
    make_state_folder(tmp_path / ".tenantry" / "expected")
    assert ignore.read_text() == "other"


def test_another_folder_is_a_plain_one(tmp_path: Path) -> None:
    """A folder that is not in a state folder, such as the cache of a CI, gets no .gitignore."""
    make_state_folder(tmp_path / "cache" / "expected")
    assert [path.name for path in (tmp_path / "cache").rglob("*")] == ["expected"]


# What can be computed again


@contextmanager
def without_privileges() -> Iterator[None]:
    """Give up the powers of root for a moment: it could write to every folder otherwise."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_kept_for_later_runs(tmp_path: Path) -> None:
    """What one run keeps, the next one reads; the folder has nothing else in it."""
    path = tmp_path / ".tenantry" / "expected" / "a.json"
    Cache().keep(path, "é1")
    Cache().keep(path, "é2")
    assert Cache().read(path) == "é2"
    assert [each.name for each in path.parent.iterdir()] == ["a.json"]


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"], ids=["nothing", "no text"])
def test_nothing_kept(tmp_path: Path, content: bytes | None) -> None:
    """What is not there, or is no text, is not read."""
    if content:
        (tmp_path / "a.json").write_bytes(content)
    assert Cache().read(tmp_path / "a.json") is None


def test_folder_of_somebody_else() -> None:
    """What cannot be written is remembered for the run, in place of what lies there, and each folder is named once."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "measured"
        folder.mkdir()
        (folder / "a.json").write_text("forged", "utf-8")
        (folder / "a.json").chmod(0o444)
        folder.chmod(0o555)
        Path(parent).chmod(0o755)
        cache = Cache()
        with without_privileges():
            cache.keep(folder / "a.json", "new")
            cache.keep(folder / "b.json", "other")
            assert [cache.read(folder / name) for name in ("a.json", "b.json", "c.json")] == ["new", "other", None]
            assert list(cache.take_failures()) == [(folder, "permission denied")]
            cache.keep(folder / "c.json", "third")
        assert list(cache.take_failures()) == []
        assert [path.name for path in folder.iterdir()] == ["a.json"]
        folder.chmod(0o755)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_folder_belongs_to_the_owner_of_the_project(tmp_path: Path) -> None:
    """A folder that root creates belongs to the owner of the folder around it, who keeps files there as well."""
    os.chown(tmp_path, 65534, 65534)
    Cache().keep(tmp_path / ".tenantry" / "measured" / "a.json", "{}")
    owners = [path.stat().st_uid for path in (tmp_path / ".tenantry", tmp_path / ".tenantry" / "measured")]
    assert owners == [65534, 65534]


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file cannot be written to its end, nothing of it stays."""

    def fail(path: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    cache = Cache()
    cache.keep(tmp_path / "a.json", "text")
    assert (cache.read(tmp_path / "a.json"), list(tmp_path.iterdir())) == ("text", [])
    assert list(cache.take_failures()) == [(tmp_path, "no space left on device")]
