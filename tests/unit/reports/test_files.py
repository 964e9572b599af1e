"""Reports in files: what is asked for, and that each file is written whole or not at all."""

import io
import os
import stat
from pathlib import Path

import pytest

from tenantry.model.errors import ConfigError, Problem
from tenantry.reports.files import WHOLE, WantedReport, open_reports, parse_wanted
from tests.unit.reports.story import CALL, tell

OLD = "of an earlier run\n"


def refuse(*texts: str) -> Problem:
    """Return the problem for which reports are refused."""
    with pytest.raises(ConfigError) as caught:
        parse_wanted(texts, ("table", "jsonl"))
    return caught.value.problems[0]


def test_wanted() -> None:
    """Whole reports and the formats of the verb are found; of these, a table has no file."""
    texts = (*(f"{name}=run.{name}" for name in WHOLE), "jsonl=a=b.jsonl", "markdown=-")
    found = parse_wanted(texts, ("table", "jsonl"))
    assert [one.format for one in found] == [*WHOLE, "jsonl", "markdown"]
    assert found[-2:] == (WantedReport("jsonl", "a=b.jsonl"), WantedReport("markdown", "-"))
    assert [one.on_stdout for one in found[-2:]] == [False, True]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["run.html"], "'run.html' is not FORMAT=FILE, expected a report such as html=run.html"),
        (["html="], "'html=' is not FORMAT=FILE, expected a report such as html=run.html"),
        (["xml=a"], "unknown format 'xml', expected one of html, json, junit, markdown, prometheus, jsonl"),
        (["table=a"], "unknown format 'table', expected one of html, json, junit, markdown, prometheus, jsonl"),
        (["html=a", "json=./a"], "'./a' is given more than once, expected a file for each report"),
        (["html=-", "json=-"], "'-' is given more than once, expected a file for each report"),
    ],
)
def test_refused(texts: list[str], message: str) -> None:
    """A report that cannot be meant is refused."""
    assert refuse(*texts).message == f"--report: {message}"


def test_one_file_by_two_names(tmp_path: Path) -> None:
    """A link and the file that it leads to are one file."""
    (tmp_path / "link").symlink_to(tmp_path / "run.json")
    assert "more than once" in refuse(f"json={tmp_path / 'run.json'}", f"html={tmp_path / 'link'}").message


def write(wanted: tuple[WantedReport, ...], *, whole: bool = True) -> list[str]:
    """Write reports of a run, which is cut before its end unless `whole`; return what was lost."""
    with open_reports(wanted, CALL) as reports:
        for event in tell() if whole else tell()[:-1]:
            for sink in reports.sinks:
                sink(event)
        if not whole:
            raise KeyboardInterrupt
        return reports.finish()


def test_written_at_the_end(tmp_path: Path) -> None:
    """Each file is there after the run, whole, with the permissions of any new file, and nothing next to it."""
    wanted = tuple(WantedReport(name, str(tmp_path / name)) for name in (*WHOLE, "jsonl"))
    mask = os.umask(0o027)
    try:
        assert write(wanted) == []
    finally:
        os.umask(mask)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted((*WHOLE, "jsonl"))
    for path in tmp_path.iterdir():
        assert path.read_text("utf-8").endswith("\n")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_cut_short(tmp_path: Path) -> None:
    """A run that never ends leaves the file of an earlier one as it is, and nothing of its own."""
    path = tmp_path / "run.jsonl"
    path.write_text(OLD)
    with pytest.raises(KeyboardInterrupt):
        write((WantedReport("jsonl", str(path)), WantedReport("html", str(tmp_path / "run.html"))), whole=False)
    assert [one.name for one in tmp_path.iterdir()] == ["run.jsonl"]
    assert path.read_text() == OLD


def test_replaced(tmp_path: Path) -> None:
    """A file that is replaced keeps its permissions, and a link to it stays one."""
    path, link = tmp_path / "run.json", tmp_path / "last.json"
    path.write_text(OLD)
    path.chmod(0o600)
    link.symlink_to(path)
    assert write((WantedReport("json", str(link)),)) == []
    assert link.is_symlink()
    assert path.read_text() != OLD
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "said"), [("nowhere/run.html", "no such file or directory"), (".", "not a regular file")]
)
def test_unwritable(tmp_path: Path, name: str, said: str) -> None:
    """A file that cannot be written is refused before the run begins, and the files before it are not left over."""
    path = tmp_path / name
    wanted = (WantedReport("json", str(tmp_path / "run.json")), WantedReport("html", str(path)))
    with pytest.raises(ConfigError) as caught, open_reports(wanted, CALL):
        pytest.fail("the run began")
    expected = f"--report: {path}: {said}, expected a file that can be written"
    assert caught.value.problems == (Problem(expected),)
    assert list(tmp_path.iterdir()) == []


def test_lost(tmp_path: Path) -> None:
    """What cannot be put in its place is said, and the other reports are written."""
    folder = tmp_path / "gone"
    folder.mkdir()
    wanted = (WantedReport("json", str(folder / "run.json")), WantedReport("html", str(tmp_path / "run.html")))
    with open_reports(wanted, CALL) as reports:
        for event in tell():
            for sink in reports.sinks:
                sink(event)
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        lost = reports.finish()
    assert lost == [f"{folder / 'run.json'}: no such file or directory, the report was not written"]
    assert (tmp_path / "run.html").exists()


def test_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report may go to stdout, and is the one that its file would have."""
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    assert write((WantedReport("markdown", "-"),)) == []
    assert out.getvalue().startswith("<!-- tenantry migrate -->\n")
