"""New projects: their files are all there, or none."""

from pathlib import Path

from tenantry.fleet.stop import Stop
from tenantry.model.events import LinePrinted
from tenantry.verbs.init import start
from tenantry.verbs.verb import Request


def test_files_that_were_reported_stay(folder: Path) -> None:
    """Where nobody reads on after the first line, every file of the project is there all the same."""
    events = start(Request("init", "run", "tester@here", {}, {}, Stop()), folder)
    assert isinstance(next(events), LinePrinted)
    events.close()
    assert (folder / "tenants.yaml").is_file()
    assert list((folder / "migrations").rglob("*.sql"))
