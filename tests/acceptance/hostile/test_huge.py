"""Ledgers that are huge: a run ends in time, takes no more memory than there is, and says what was wrong."""

import os
import subprocess
from collections.abc import Mapping

import pytest

from tests.acceptance.fix_command import COMMAND
from tests.acceptance.hostile.attack import VERBS, Attack, By
from tests.acceptance.hostile.fix_hostile import MakeVictim

# Of address space, with all that Python and libpq have mapped.
_MEMORY_KB = 2_000_000
_SECONDS = 60
_ROWS = 1_000_000
_HUGE = "repeat('x', 50000000)"
_VERBS = ("status", "verify", "log", "text", "migrate")
_NEW = (
    "INSERT INTO public._migrations SELECT number, 'x', checksum, origin, state, set_name, tenant, started_at,"
    " finished_at, elapsed_ms, statements, statements_done, applied_by, run_id, tool_version, git_commit, '', layout,"
    f" proven_at, NULL, NULL FROM public._migrations, generate_series(10, {_ROWS}) AS number WHERE version = 2"
)
_ATTACKS: Mapping[str, str] = {
    "a text of 50 MB": f"UPDATE public._migrations SET sql_text = {_HUGE} WHERE version = 1",
    "a text of 50 MB that was edited": f"UPDATE public._migrations SET sql_text = {_HUGE}, checksum = 'sha256:x' WHERE"
    " version = 1",
    "a rollback of 50 MB": f"UPDATE public._migrations SET rollback_text = {_HUGE} WHERE version = 2",
    "a name of 50 MB": f"UPDATE public._migrations SET name = {_HUGE} WHERE version = 2",
    "progress of 50 MB": "UPDATE public._migrations SET progress = jsonb_build_object('prefix', 'x', 'running',"
    f" {_HUGE}) WHERE version = 2",
    "a reason of 50 MB": f"UPDATE public._migrations_log SET reason = {_HUGE}",
    "a million rows": _NEW,
    "a log of a million rows": "INSERT INTO public._migrations_log (run_id, version, event, applied_by) SELECT run_id,"
    f" version, event, applied_by FROM public._migrations_log, generate_series(1, {_ROWS}) WHERE id = 1",
}


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get("TENANTRY_TEST_SLOW") != "1", reason="minutes: set TENANTRY_TEST_SLOW=1")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", _ATTACKS)
def test_huge(victim: MakeVictim, name: str) -> None:
    """Whatever a ledger holds, each verb ends in time and within its memory, and is no bug."""
    one = victim(Attack(name, _ATTACKS[name], by=By.RUNNER))
    one.strike()
    faults = []
    for verb in _VERBS:
        # A process of its own, which alone may be limited.
        line = f"ulimit -v {_MEMORY_KB}; exec {COMMAND} {VERBS[verb]}"
        try:
            done = subprocess.run(
                ["/bin/sh", "-c", line], cwd=one.folder, capture_output=True, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            faults.append(f"{verb}: not done after {_SECONDS} s")
            continue
        if done.returncode not in (0, 1, 3, 4, 5):
            said = done.stderr.decode(errors="replace").strip().splitlines()
            faults.append(f"{verb}: exit code {done.returncode}: {(said or [''])[-1][:200]}")
    assert faults == []
