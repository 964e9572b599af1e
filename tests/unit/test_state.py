"""The folder that holds what a machine alone needs."""

import subprocess
from pathlib import Path

from tenantry.state import make_state_folder


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
