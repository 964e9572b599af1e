"""The folder that holds what a machine alone needs."""

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tenantry.state import Cache, find_state_folder, make_state_folder
from tests.unit.fix_privileges import without_privileges


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
        fault = "permission denied" if os.geteuid() else "it belongs to another user"
        with without_privileges():
            cache.keep(folder / "a.json", "new")
            cache.keep(folder / "b.json", "other")
            assert [cache.read(folder / name) for name in ("a.json", "b.json", "c.json")] == ["new", "other", None]
            assert list(cache.take_failures()) == [(folder, fault)]
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


KEYS = {"TENANTRY_CACHE_KEY": "one"}


def seal(path: Path, text: str) -> str:
    """Keep a text and return the whole file."""
    Cache(KEYS).keep(path, text)
    return path.read_text("utf-8")


FORGERIES = {
    "another text": lambda kept: kept.replace("sealed", "forged"),
    "no seal": lambda kept: kept.partition("\n")[2],
    "cut short": lambda kept: kept[:-1],
    "empty": lambda _kept: "",
    "deep": lambda _kept: "[" * 100_000,
    "a seal alone": lambda kept: kept.partition("\n")[0],
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_forged(tmp_path: Path, forge: Callable[[str], str]) -> None:
    """A file that was not kept as it is now is not believed, and the next run replaces it."""
    path = tmp_path / "expected" / "a.json"
    path.parent.mkdir(mode=0o700)
    path.write_text(forge(seal(path, "sealed")), "utf-8")
    assert Cache(KEYS).read(path) is None
    Cache(KEYS).keep(path, "sealed")
    assert Cache(KEYS).read(path) == "sealed"


def test_foreign(tmp_path: Path) -> None:
    """What was kept under another name, or with another key, is not believed."""
    path = tmp_path / "a.json"
    kept = seal(path, "sealed")
    (tmp_path / "b.json").write_text(kept, "utf-8")
    (tmp_path / "b.json").chmod(0o600)
    assert Cache(KEYS).read(tmp_path / "b.json") is None
    assert Cache({"TENANTRY_CACHE_KEY": "other"}).read(path) is None
    assert Cache({}).read(path) is None
    assert Cache(KEYS).read(path) == "sealed"


def test_key_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key that is given, this user's is created for the user alone; a damaged one is replaced."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    path, key = tmp_path / "cache" / "a.json", tmp_path / "home" / "tenantry" / "cache.key"
    Cache().keep(path, "1")
    assert (Cache().read(path), key.stat().st_mode & 0o777) == ("1", 0o600)
    for damage in ("", "0" * 10, "no number"):
        key.write_text(damage)
        assert Cache().read(path) is None
        Cache().keep(path, "2")
        assert Cache().read(path) == "2"


def test_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the key cannot be kept, a run reads what it keeps, and the next one does not."""
    (tmp_path / "home").write_text("in the way")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    cache = Cache()
    cache.keep(tmp_path / "a.json", "1")
    assert (cache.read(tmp_path / "a.json"), Cache().read(tmp_path / "a.json")) == ("1", None)


@pytest.mark.parametrize("mask", [0, 0o022, 0o077])
def test_modes(tmp_path: Path, mask: int) -> None:
    """Whatever the umask says, nobody else reads what is kept."""
    before = os.umask(mask)
    try:
        Cache(KEYS).keep(tmp_path / ".tenantry" / "expected" / "a.json", "1")
    finally:
        os.umask(before)
    folder = tmp_path / ".tenantry" / "expected"
    assert [path.stat().st_mode & 0o777 for path in (folder, folder / "a.json")] == [0o700, 0o600]
    assert folder.parent.stat().st_mode & 0o022 == 0


@pytest.mark.parametrize("sealed", [True, False])
def test_folder_that_others_write_to(tmp_path: Path, *, sealed: bool) -> None:
    """Nothing is read from such a folder, which is told once; what is kept lasts until the run ends."""
    folder = tmp_path / "expected"
    Cache(KEYS, sealed=sealed).keep(folder / "a.json", "1")
    folder.chmod(0o777)
    cache = Cache(KEYS, sealed=sealed)
    assert [cache.read(folder / "a.json"), cache.read(folder / "b.json")] == [None, None]
    assert list(cache.take_failures()) == [(folder, "others may write to it")]
    cache.keep(folder / "a.json", "2")
    assert (cache.read(folder / "a.json"), list(cache.take_failures())) == ("2", [])


def test_file_that_others_write_to(tmp_path: Path) -> None:
    """A file that others may have written is not read, and is replaced."""
    path = tmp_path / "expected" / "a.json"
    seal(path, "1")
    path.chmod(0o666)
    cache = Cache(KEYS)
    assert (cache.read(path), list(cache.take_failures())) == (
        None,
        [(path.parent, "others may have written a.json")],
    )
    cache.keep(path, "2")
    assert Cache(KEYS).read(path) == "2"


def test_in_the_place_of_a_file(tmp_path: Path) -> None:
    """A folder, a pipe or a link in the place of a file is not read, and is replaced."""
    target = tmp_path / "target.json"
    puts: list[Callable[[Path], None]] = [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(target)]
    for number, put in enumerate(puts):
        path = tmp_path / f"{number}.json"
        put(path)
        assert Cache(KEYS).read(path) is None
        Cache(KEYS).keep(path, "1")
        assert Cache(KEYS).read(path) == "1"
    assert not target.exists()


def test_named_place(tmp_path: Path) -> None:
    """The variable names the folder itself."""
    assert find_state_folder(tmp_path, {"TENANTRY_STATE": "/srv/state"}) == Path("/srv/state")
    assert find_state_folder(tmp_path, {}) is None


def test_project_that_cannot_be_written() -> None:
    """The state of a read-only project is in the user's folder, one for each project, unless it has a server."""
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        roots = [Path(parent) / name for name in ("a", "b", "served")]
        for root in roots:
            root.mkdir()
        (roots[2] / ".tenantry" / "postgres").mkdir(parents=True)
        for root in roots:
            root.chmod(0o555)
        with without_privileges():
            found = [find_state_folder(root, {}) for root in roots]
        assert [path.parent.parts[-2:] if path else None for path in found] == [("tenantry", "projects")] * 2 + [None]
        assert found[0] != found[1]
        for root in roots:
            root.chmod(0o755)
