"""What git says was done to merged migrations, in repositories made for it."""

import os
import subprocess
from pathlib import Path

import pytest

from tenantry.files.merged import MergedChange, find_changes
from tenantry.model.checksum import checksum
from tenantry.model.errors import ConfigError, Problem

ROOMS, RATES = "0001_rooms.sql", "0002_rates.sql"
BEFORE = {
    ROOMS: "CREATE TABLE rooms (id integer PRIMARY KEY);\n",
    "0001_rooms.rollback.sql": "DROP TABLE rooms;\n",
    RATES: "ALTER TABLE rooms ADD COLUMN rate numeric(10, 2);\n",
    "checks/rooms.sql": "SELECT id FROM rooms WHERE false;\n",
}
PUT_BACK = "restore the original and write a new migration: databases have already applied this one"
REPLACES = f"-- replaces: {checksum(BEFORE[RATES])}"
EDITED = f'{PUT_BACK}; or add the line "{REPLACES}" at the top if those databases already match the new text'
LATE = "renumber it to 0003 or higher: databases may already have the newer one"


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, as nobody in particular and with no settings but its own."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **{f"GIT_{who}_{what}": "ann@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the migrations of a repository in which two are merged in `main`, on a branch `work`."""
    migrations = tmp_path / "migrations" / "tenant"
    (migrations / "checks").mkdir(parents=True)
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    for name, text in BEFORE.items():
        (migrations / name).write_text(text)
    commit(migrations)
    git(tmp_path, "checkout", "--quiet", "-b", "work")
    return migrations


def commit(folder: Path) -> None:
    git(folder, "add", "--all", ".")
    git(folder, "commit", "--quiet", "--message=more")


def found(folder: Path, base: str = "main") -> list[tuple[str, str]]:
    """Return message and hint of each change, without the path of the repository."""
    changes = [change.problem for change in find_changes(folder, base) if not change.excused]
    return [(problem.message.removeprefix(f"{folder}/"), problem.hint) for problem in changes]


@pytest.mark.parametrize("state", ["working tree", "index", "commit"])
def test_edited(folder: Path, state: str) -> None:
    """A merged file that was edited is named, whether the edit is committed, staged, or neither."""
    edit(folder, b"SELECT 2;\n", state)
    assert found(folder) == [(f"{RATES}: edited, although it is merged in main", EDITED)]


def edit(folder: Path, text: bytes, state: str) -> None:
    """Edit a merged file, and stage or commit that; what is staged alone was put back in the file."""
    (folder / RATES).write_bytes(text)
    if state == "index":
        git(folder, "add", RATES)
        (folder / RATES).write_text(BEFORE[RATES])
    if state == "commit":
        commit(folder)


@pytest.mark.parametrize("state", ["working tree", "index", "commit"])
def test_replaced(folder: Path, state: str) -> None:
    """A merged file may be edited where it says that it replaces the merged text, by its checksum."""
    edit(folder, f"{REPLACES}\nSELECT 2;\n".encode(), state)
    assert list(find_changes(folder, "main")) == []


def test_another_text_replaced(folder: Path) -> None:
    """The checksum of any other text excuses nothing."""
    edit(folder, f"-- replaces: sha256:{'0' * 64}\nSELECT 2;\n".encode(), "commit")
    assert found(folder) == [(f"{RATES}: edited, although it is merged in main", EDITED)]


@pytest.mark.parametrize("state", ["working tree", "index", "commit"])
def test_cosmetic_edit(folder: Path, state: str) -> None:
    """A merged file whose comments and white space alone were edited is worth a warning."""
    edit(folder, b"-- in euros\n" + BEFORE[RATES].replace(" ", "  ").encode(), state)
    assert list(find_changes(folder, "main")) == [
        MergedChange(
            Problem(
                f"{folder}/{RATES}: cosmetic edit, although it is merged in main",
                "keep it if it is intended: databases that have the file only warn about the edit",
            ),
            excused=True,
        )
    ]


def test_line_ends(folder: Path) -> None:
    """Line ends and a byte-order mark, which no checksum sees, are no edit."""
    edit(folder, b"\xef\xbb\xbf" + BEFORE[RATES].replace("\n", "\r\n").encode(), "commit")
    assert list(find_changes(folder, "main")) == []


def test_edited_beyond_reading(folder: Path) -> None:
    """What is no UTF-8 any more is an edit like any other."""
    edit(folder, b"-- \xff\n" + BEFORE[RATES].encode(), "commit")
    assert found(folder) == [(f"{RATES}: edited, although it is merged in main", PUT_BACK)]


@pytest.mark.parametrize("state", ["working tree", "index", "commit"])
def test_deleted(folder: Path, state: str) -> None:
    """A merged file that was deleted is named, whether that is committed, staged, or neither."""
    if state == "working tree":
        (folder / RATES).unlink()
    else:
        git(folder, "rm", "--quiet", RATES)
    if state == "commit":
        commit(folder)
    assert found(folder) == [(f"{RATES}: deleted, although it is merged in main", PUT_BACK)]


def test_renamed(folder: Path) -> None:
    """A merged file that was renamed is named with its new name."""
    git(folder, "mv", RATES, "0003_rates.sql")
    assert found(folder) == [(f"{RATES}: renamed to 0003_rates.sql, although it is merged in main", PUT_BACK)]


def test_new(folder: Path) -> None:
    """A new file behind all merged ones is nothing to complain about, committed or not."""
    (folder / "0003_notes.sql").write_text("SELECT 3;\n")
    assert found(folder) == []
    commit(folder)
    assert found(folder) == []


@pytest.mark.parametrize("committed", [True, False], ids=["committed", "untracked"])
def test_taken_number(folder: Path, committed: bool) -> None:
    """A new file whose number a merged one has, since the branch began, is named."""
    (folder / "0003_notes.sql").write_text("SELECT 3;\n")
    if committed:
        commit(folder)
    else:
        git(folder, "stash", "--quiet", "--include-untracked")
    git(folder, "checkout", "--quiet", "main")
    (folder / "0003_beds.sql").write_text("SELECT 4;\n")
    commit(folder)
    git(folder, "checkout", "--quiet", "work")
    if not committed:
        git(folder, "stash", "pop", "--quiet")
    assert found(folder) == [
        (
            "0003_notes.sql: not merged, and it has the same number as 0003_beds.sql, which is merged in main",
            "renumber it to 0004 or higher: databases may already have the newer one",
        )
    ]


@pytest.mark.parametrize("state", ["committed", "staged", "untracked"])
def test_taken_name(folder: Path, state: str) -> None:
    """A new file of a name that another one got in the base meanwhile is named; one of the same content is not."""
    name, mine = "0003_beds.sql", "SELECT 3;\n"
    git(folder, "checkout", "--quiet", "main")
    (folder / name).write_text("SELECT 4;\n")
    commit(folder)
    git(folder, "checkout", "--quiet", "work")
    (folder / name).write_text(mine)
    if state == "committed":
        commit(folder)
    if state == "staged":
        git(folder, "add", name)
        (folder / name).unlink()
    conflict = (
        f"{name}: not merged, and another file of this name is merged in main",
        "renumber it to 0004 or higher: databases may already have the merged one",
    )
    assert found(folder) == [conflict]
    (folder / name).write_text("SELECT 4;\n")
    assert found(folder) == ([] if state == "untracked" else [conflict])
    commit(folder)
    assert found(folder) == []


def test_edited_in_the_base(folder: Path) -> None:
    """A merged file that others changed in the base is no conflict of ours."""
    git(folder, "checkout", "--quiet", "main")
    (folder / RATES).write_text("SELECT 4;\n")
    commit(folder)
    git(folder, "checkout", "--quiet", "work")
    assert found(folder) == []


def test_late_number(folder: Path) -> None:
    """A new file whose number lies before a merged one is named."""
    (folder / "0000_first.sql").write_text("SELECT 0;\n")
    assert found(folder) == [
        (f"0000_first.sql: not merged, and it comes before {RATES}, which is merged in main", LATE)
    ]


def test_rollbacks_and_checks_are_free(folder: Path) -> None:
    """Rollbacks, checks and files of other names may be edited, deleted and added at any time."""
    (folder / "0001_rooms.rollback.sql").unlink()
    (folder / "0002_rates.rollback.sql").write_text("SELECT 1;\n")
    (folder / "checks/rooms.sql").write_text("SELECT 1 WHERE false;\n")
    (folder / "README.md").write_text("How to write one.\n")
    assert found(folder) == []


def test_other_folders_are_free(folder: Path) -> None:
    """Nothing is said about files of another folder, or of the same name elsewhere."""
    other = folder.parent / "master"
    other.mkdir()
    (other / ROOMS).write_text("SELECT 1;\n")
    assert found(folder) == []


def test_merged_meanwhile(folder: Path) -> None:
    """What others merged after the branch began is no deletion of ours."""
    git(folder, "checkout", "--quiet", "main")
    (folder / "0003_beds.sql").write_text("SELECT 4;\n")
    commit(folder)
    git(folder, "checkout", "--quiet", "work")
    assert found(folder) == []


def test_nothing_merged(folder: Path) -> None:
    """Where the base has no migrations yet, every number is free."""
    git(folder, "checkout", "--quiet", "main")
    git(folder, "rm", "--quiet", "-r", "--cached", ".")
    git(folder, "commit", "--quiet", "--message=none")
    git(folder, "checkout", "--quiet", "-b", "again")
    assert found(folder) == []


def test_hook_of_a_linked_working_tree(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What git sets for a hook does not make it look into the wrong folder, and find no change there."""
    linked = folder.parents[1] / "linked"
    git(folder, "worktree", "add", "--quiet", str(linked), "-b", "other")
    there = linked / "migrations" / "tenant"
    (there / RATES).write_text("SELECT 2;\n")
    for name, value in (("GIT_DIR", git(linked, "rev-parse", "--absolute-git-dir").strip()), ("GIT_PREFIX", "")):
        monkeypatch.setenv(name, value)
    assert found(there) == [(f"{RATES}: edited, although it is merged in main", EDITED)]


def test_unknown_base(folder: Path) -> None:
    """A base that is not here is an error, not a history without changes."""
    with pytest.raises(ConfigError) as caught:
        found(folder, "origin/main")
    assert str(caught.value) == "--base: git merge-base failed: fatal: Not a valid object name origin/main"
    assert caught.value.hint == (
        "name a branch or commit that exists here, such as origin/main; fetch the whole history of a shallow clone"
    )


def test_base_that_looks_like_an_option(folder: Path) -> None:
    """A base that begins with a dash is taken for no option."""
    with pytest.raises(ConfigError, match="--base: git merge-base failed: "):
        found(folder, "--all")


def test_no_common_history(folder: Path) -> None:
    """A base that has nothing in common with what is here is an error with a reason."""
    git(folder, "checkout", "--quiet", "--orphan", "alone")
    git(folder, "commit", "--quiet", "--message=alone")
    with pytest.raises(ConfigError) as caught:
        found(folder)
    assert str(caught.value) == "--base: git merge-base failed: no common history with HEAD"


def test_no_repository(tmp_path: Path) -> None:
    """A folder outside of any repository is an error."""
    with pytest.raises(ConfigError, match=r"^--base: .*: not in a git repository, expected one to compare with$"):
        found(tmp_path)


def test_no_git(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no git, it is said."""
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(ConfigError) as caught:
        found(folder)
    assert str(caught.value) == "--base: git cannot be run: No such file or directory"
