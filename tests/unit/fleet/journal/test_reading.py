"""Which run a person means, and what the last runs say of each tenant; on files of a folder."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tenantry.fleet.journal.form import JournalHeader
from tenantry.fleet.journal.places import KEPT, is_running, list_files
from tenantry.fleet.journal.reading import Runs
from tenantry.fleet.journal.writing import write_journal
from tenantry.model.errors import ConfigError
from tenantry.model.events import Event, RunFinished, RunStarted, TenantFinished, Verdict, WarningRaised
from tenantry.model.results import Result
from tests.unit.fleet.journal.test_form import HEADER
from tests.unit.reports.story import tell

FAILED, APPLIED, BLOCKED = Result.FAILED, Result.APPLIED, Result.BLOCKED


class Book:
    """A folder with the journals of runs, each a minute after the one before it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / ".tenantry" / "runs"
        self.runs = Runs(self.folder, Path(".tenantry/runs"), HEADER.project)
        self.header = HEADER

    def add(self, run: str, ends: Mapping[str, Result | None], **given: object) -> list[Event]:
        """Write the journal of a run on these tenants, where None has no end, and return the events it yielded."""
        self.header = replace(self.header, started_at=self.header.started_at + timedelta(minutes=1))
        header: JournalHeader = replace(
            self.header, run_id=f"{run:0<8}{HEADER.run_id[8:]}", tenants=tuple(ends), options={}
        )
        header = replace(header, **given)  # type: ignore[arg-type]  # fields of a header
        events: list[Event] = [RunStarted(header.verb, header.run_id, header.tenants)]
        events += [TenantFinished(name, Verdict(end), 1) for name, end in ends.items() if end]
        return list(write_journal(self.folder, Path("runs"), header, (event for event in [*events, RunFinished(9)])))


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """Return an empty folder of journals."""
    return Book(tmp_path)


def test_found(book: Book) -> None:
    """A run is found by the start of its id, in any case; `last` is the last one, or the last one of a verb."""
    book.add("aa1", {"1": APPLIED})
    book.add("ab2", {"1": APPLIED}, verb="rollback")
    assert book.runs.find("AA").header.run_id.startswith("aa1")
    assert book.runs.find("last").header.verb == "rollback"
    assert book.runs.find("last", "migrate").header.run_id.startswith("aa1")


def test_not_found(book: Book) -> None:
    """A start that several ids have, an unknown one, one of another verb and none at all are errors."""
    book.add("aa1", {"1": APPLIED})
    book.add("aa2", {"1": APPLIED}, verb="rollback")
    for word, verb, expected in (
        ("aa", "", "run 'aa': 2 runs have ids that begin so, expected the id of one"),
        ("", "", "run '': unknown, expected one of last, aa200000, aa100000"),
        ("b", "", "run 'b': unknown, expected one of last, aa200000, aa100000"),
        ("aa2", "migrate", "run aa200000: a run of rollback, expected one of migrate"),
        ("last", "adopt", ".tenantry/runs: no run of adopt is recorded, expected at least one"),
    ):
        with pytest.raises(ConfigError) as caught:
            book.runs.find(word, verb)
        assert str(caught.value) == expected


def test_others_may_write(book: Book) -> None:
    """A journal in a folder that others may write to is not believed."""
    book.add("aa1", {"1": APPLIED})
    book.folder.chmod(0o777)
    with pytest.raises(ConfigError, match=r"others may write to it"):
        book.runs.find("aa1")


def test_damaged_last(book: Book) -> None:
    """Where the last journal cannot be read, an older one does not pass for it."""
    book.add("aa1", {"1": APPLIED})
    book.add("aa2", {"1": APPLIED})
    list_files(book.folder)[0][1].write_text("{}\n")
    with pytest.raises(ConfigError, match=r"line 1: damaged"):
        book.runs.find("last")
    with pytest.raises(ConfigError, match=r"line 1: damaged"):
        book.runs.states(["1"])


def test_killed_at_once(book: Book) -> None:
    """A run that was killed while it wrote its first line did nothing, and counts as none."""
    book.add("aa1", {"1": APPLIED})
    book.add("aa2", {"1": APPLIED})
    _, path = list_files(book.folder)[0]
    for text in ("", path.read_text().partition("\n")[0]):
        path.write_text(text)
        assert book.runs.find("last").header.short == "aa100000"
        assert [header and header.short for header, _, _ in book.runs.headers()] == ["aa100000"]


def test_trail(book: Book) -> None:
    """A run and those that resumed it, or one of these, are told together, oldest first."""
    book.add("aa1", {"1": FAILED})
    book.add("aa2", {"1": FAILED}, resumes=f"aa100000{HEADER.run_id[8:]}")
    book.add("bb1", {"1": FAILED})
    book.add("aa3", {"1": APPLIED}, resumes=f"aa200000{HEADER.run_id[8:]}")
    trail = book.runs.trail(book.runs.find("aa1"))
    assert [journal.header.short for journal in trail] == ["aa100000", "aa200000", "aa300000"]


def test_states(book: Book) -> None:
    """The last run that got to a tenant decides on its state; a run over others, or of another verb, does not."""
    book.add("a1", {"1": FAILED, "2": BLOCKED, "3": Result.FINDING, "4": FAILED, "5": FAILED, "6": APPLIED})
    book.add("a2", {"4": Result.NOT_STARTED, "5": APPLIED, "6": None})
    book.add("a3", {"1": APPLIED}, verb="rollback")
    book.add("a4", {"7": APPLIED}, options={"no_verify": True})
    assert book.runs.states(["1", "2", "3", "4", "5", "6", "7", "8"]) == {
        "failed": {"1", "4"},
        "blocked": {"2"},
        "unproven": {"3", "7"},
        "behind": {"1", "2", "3", "4", "6"},
    }
    assert book.runs.states(["2"])["failed"] == frozenset()


def test_old_ones_go(book: Book) -> None:
    """Only the newest journals are kept."""
    for number in range(KEPT + 3):
        book.add(f"{number:04d}", {"1": APPLIED})
    kept = [run_id[:4] for run_id, _ in list_files(book.folder)]
    assert (len(kept), kept[0], kept[-1]) == (KEPT, "0102", "0003")


def test_running(book: Book) -> None:
    """A run is going on as long as its journal is being written."""
    run = write_journal(book.folder, Path("runs"), HEADER, (event for event in tell()))
    next(run)
    ((_, path),) = list_files(book.folder)
    assert is_running(path)
    assert book.runs.find("last").running
    run.close()
    assert not is_running(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_unwritable(book: Book) -> None:
    """A journal that cannot be written is one warning after the start of the run, whose events are all there."""
    book.folder.parent.mkdir()
    book.folder.write_text("in the way")
    events = book.add("aa1", {"1": APPLIED})
    assert [type(event) for event in events] == [RunStarted, WarningRaised, TenantFinished, RunFinished]


def test_of_another_project(book: Book) -> None:
    """A run of another tenants.yaml is neither resumed nor shown; the states of its tenants are not those of ours."""
    book.add("aa1", {"1": APPLIED}, project="/other/tenants.yaml")
    with pytest.raises(ConfigError) as caught:
        book.runs.find("aa1")
    (problem,) = caught.value.problems
    assert (problem.message, problem.hint) == (
        f"run aa100000: belongs to /other/tenants.yaml, expected a run of {HEADER.project}",
        "name that file with --config",
    )
    with pytest.raises(ConfigError, match="no run is recorded"):
        book.runs.find("last")


@pytest.mark.parametrize(
    ("pattern", "by", "said"),
    [
        ('"journal":1', '"journal":2', "of format 2, which a newer tenantry wrote, expected format 1"),
        ("^.*\n", "not a journal\n", "line 1: damaged"),
    ],
    ids=["newer", "damaged"],
)
def test_unreadable(book: Book, pattern: str, by: str, said: str) -> None:
    """A journal that a newer version wrote, or that is damaged, is refused by its name: nothing is guessed."""
    book.add("aa1", {"1": APPLIED})
    ((_, path),) = list_files(book.folder)
    path.write_text(re.sub(pattern, by, path.read_text("utf-8"), count=1), "utf-8")
    for ask in (lambda: book.runs.find("aa1"), lambda: book.runs.states({"1"})):
        with pytest.raises(ConfigError) as caught:
            ask()
        assert f".tenantry/runs/{path.name}: " in str(caught.value)
        assert said in str(caught.value)
