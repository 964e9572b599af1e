"""One tenant that hangs: the others are done meanwhile, the run says who it is, and it can be ended in order."""

import json
import signal
import subprocess
import time
from contextlib import ExitStack
from typing import Any

import pytest

from tests.acceptance.apply.test_interrupt import NOTES, REPEAT_S, interrupt
from tests.acceptance.fix_command import MASTER_FILES, ROOMS, MakeFleet, read_report
from tests.acceptance.fleet.fix_workers import make_served, working

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

IDS = [str(number) for number in range(1, 9)]
HUNG = "3"
# Never ends in one tenant, and nowhere else.
HANGS = "SELECT pg_catalog.pg_sleep(CASE WHEN current_database() LIKE '%\\_3' THEN 3600 ELSE 0 END);\n"
FILES = {"0000_rooms.sql": ROOMS, "0001_notes.sql": NOTES + HANGS}


@pytest.mark.parametrize("engine", ["threads", "procrastinate"])
def test_the_rest_is_done(fleet: MakeFleet, engine: str) -> None:
    """All others are applied, a sign of life names the one that hangs, and the second signal rolls its file back."""
    given: dict[str, Any] = {"tenants": IDS, "files": FILES, "master": MASTER_FILES}
    one = fleet(**given) if engine == "threads" else make_served(fleet, **given)
    with ExitStack() as stack:
        if engine == "procrastinate":
            stack.enter_context(working(one, 2))
        process = stack.enter_context(one.start("migrate", "--jobs", "2", "--engine", engine))
        one.await_activity(HUNG, "pg_sleep")
        for name in IDS:
            while name != HUNG and one.versions(name) != [0, 1]:
                time.sleep(0.05)  # the run tells nobody but its journal
        assert _await_sign(process)["slowest"] == [f"{HUNG}: 0001_notes"]
        interrupt(process, signal.SIGTERM)
        time.sleep(REPEAT_S)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=240)
    report = read_report(one, out)
    assert (process.returncode, report.column("tenant")) == (6, ["master", *IDS]), report.text
    expected = dict.fromkeys(("master", *IDS), "applied") | {HUNG: "stopped"}
    assert report.column("result") == list(expected.values())
    assert report.text == (
        "tenant 3: stopped: migrations/tenant/0001_notes.sql:2:1: canceling statement due to user request "
        "(SQLSTATE 57014)\n"
        "  1 | CREATE TABLE notes ();\n"
        "  2 | SELECT pg_catalog.pg_sleep(CASE WHEN current_database() LIKE '%\\_3' THEN 3600 ELSE 0 END);\n"
        "    | ^\n"
        "  0001_notes was rolled back; the database is now at 0000_rooms\n"
        "9 tenants: 8 applied, 1 stopped in 0 ms, ended by SIGTERM\n"
        f"next: tenantry migrate --engine {engine} --jobs 2 --tenants 3\n"
    )
    assert (one.versions(HUNG), one.tables(HUNG)) == ([0], ["rooms"])
    one.write("0001_notes.sql", NOTES)
    assert (one.run("migrate", "--tenants", HUNG).code, one.versions(HUNG)) == (0, [0, 1])


def _await_sign(process: "subprocess.Popen[str]") -> dict[str, object]:
    """Return the next sign of life of a run in which one tenant is left."""
    assert process.stderr is not None
    for line in process.stderr:
        said: dict[str, object] = json.loads(line)
        if said["event"] == "progress" and said["done"] == len(IDS):
            said["slowest"] = [str(text).split(",")[0] for text in said["slowest"]]  # type: ignore[attr-defined]  # a list
            return said
    raise AssertionError("the run ended without a sign of life")
