"""Texts that were applied: found by checksum where no tenant can write, in the state folder and in git's history."""

import subprocess
from pathlib import Path

import pytest

from tenantry.files.texts import Texts
from tenantry.model import Migration
from tenantry.model.checksum import checksum

OLD = "CREATE TABLE rooms (id int);\n"
NEW = "CREATE TABLE rooms (id bigint);\n"


def make_file(text: str) -> Migration:
    return Migration(1, "rooms", "0001_rooms.sql", checksum(text), text, text)


def run_git(folder: Path, *arguments: str) -> None:
    """Run git as a user who is nobody's, with no settings of this machine."""
    settings = ("-c", "user.name=tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *settings, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of migrations in a checkout."""
    home = tmp_path / "project" / "müll, and more"
    home.mkdir(parents=True)
    run_git(home.parent, "init", "--initial-branch=main")
    return home


def commit(folder: Path, name: str, data: bytes) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    run_git(folder, "add", ".")
    run_git(folder, "commit", "-m", name)


def make_texts(folder: Path) -> Texts:
    return Texts([folder.parent / "state"], [folder])


class TestGit:
    def test_former_text(self, folder: Path) -> None:
        """A text that a file had once is found, whatever its line ends, and also where the file is gone."""
        commit(folder, "0001_rooms.sql", b"\xef\xbb\xbf" + OLD.replace("\n", "\r\n").encode())
        commit(folder, "0001_rooms.sql", NEW.encode())
        commit(folder, "repeatable/view.sql", b"SELECT 1;\n\n")
        run_git(folder, "rm", "-r", "repeatable", "0001_rooms.sql")
        run_git(folder, "commit", "-m", "gone")
        folder.mkdir(exist_ok=True)
        texts = make_texts(folder)
        found = [texts.find(checksum(text)) for text in (OLD, NEW, "SELECT 1;", "SELECT 2;")]
        assert found == [OLD, NEW, "SELECT 1;\n\n", None]

    def test_merged(self, folder: Path) -> None:
        """The history of a branch that was merged counts, also where nothing of it is left; that of others does not."""
        commit(folder, "0001_rooms.sql", OLD.encode())
        run_git(folder, "switch", "-c", "side")
        commit(folder, "0002_side.sql", b"SELECT 1;\n")
        run_git(folder, "rm", "0002_side.sql")
        run_git(folder, "commit", "-m", "gone")
        run_git(folder, "switch", "-c", "proposal")
        commit(folder, "0003_evil.sql", b"SELECT 3;\n")
        run_git(folder, "switch", "main")
        run_git(folder, "merge", "--no-ff", "side")
        texts = make_texts(folder)
        assert texts.find(checksum("SELECT 1;")) == "SELECT 1;\n"
        assert texts.find(checksum("SELECT 3;")) is None

    def test_other_files(self, folder: Path) -> None:
        """What was never to be applied is not found: rollback files, other files, other folders."""
        commit(folder, "0001_rooms.rollback.sql", OLD.encode())
        commit(folder, "notes.txt", NEW.encode())
        commit(folder.parent, "seed.sql", b"SELECT 1;\n")
        texts = make_texts(folder)
        assert [texts.find(checksum(text)) for text in (OLD, NEW, "SELECT 1;")] == [None, None, None]

    @pytest.mark.parametrize("name", ["no checkout", "no commit", "no folder"])
    def test_no_history(self, tmp_path: Path, name: str) -> None:
        """Where there is no history, nothing is known, and that is no error."""
        home = tmp_path / "migrations"
        if name != "no folder":
            home.mkdir()
        if name == "no commit":
            run_git(home, "init")
        assert Texts([tmp_path / "state"], [home]).find(checksum(OLD)) is None

    def test_no_git(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without git, nothing is known of its history, and that is no error."""
        commit(folder, "0001_rooms.sql", OLD.encode())
        monkeypatch.setenv("PATH", str(folder))
        assert make_texts(folder).find(checksum(OLD)) is None


class TestKept:
    def test_kept(self, tmp_path: Path) -> None:
        """A text that is kept is found by a later run, under the name of its checksum."""
        Texts([tmp_path], []).keep([make_file(OLD)])
        assert [path.name for path in tmp_path.iterdir()] == [f"{checksum(OLD).removeprefix('sha256:')}.sql"]
        assert Texts([tmp_path], []).find(checksum(OLD)) == OLD

    def test_damaged(self, tmp_path: Path) -> None:
        """What does not have the checksum it is kept under is not believed, and is replaced by the next run."""
        Texts([tmp_path], []).keep([make_file(OLD)])
        (path,) = tmp_path.iterdir()
        path.write_text(NEW, "utf-8")
        assert Texts([tmp_path], []).find(checksum(OLD)) is None
        Texts([tmp_path], []).keep([make_file(OLD)])
        assert Texts([tmp_path], []).find(checksum(OLD)) == OLD

    @pytest.mark.parametrize("wanted", ["", "sha256:", "sha256:../secret", "sha256:/etc/passwd", f"md5:{'0' * 64}"])
    def test_forged_name(self, tmp_path: Path, wanted: str) -> None:
        """A checksum that is none leads to no file."""
        (tmp_path / "secret.sql").write_text(OLD, "utf-8")
        (tmp_path / "texts").mkdir()
        assert Texts([tmp_path / "texts"], []).find(wanted) is None

    def test_not_writable(self, tmp_path: Path) -> None:
        """Where nothing can be kept, it is known until the run ends, and that is told once."""
        home = tmp_path / "texts"
        home.write_text("in the way", "utf-8")
        texts = Texts([home], [])
        texts.keep([make_file(OLD), make_file(NEW)])
        assert texts.find(checksum(OLD)) == OLD
        assert list(texts.cache.take_failures()) == [(home, "file exists")]
