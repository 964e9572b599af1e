"""`github`: workflow commands, in which nothing of a message can end one or begin another."""

import pytest

from tenantry.model.errors import Problem
from tenantry.model.events import Event, TenantFinished, Verdict, WarningRaised
from tenantry.model.hazards import Level
from tenantry.model.results import Result
from tenantry.reports.github import make_sink
from tests.unit.reports.hazards import MEASURED, hazard
from tests.unit.reports.story import render

PLACE = "file=migrations/tenant/0002_rates.sql,line=2,col=1"

CASES: dict[str, tuple[Event, str]] = {
    "danger": (
        hazard(),
        f"::error {PLACE},title=table-rewrite::ACCESS EXCLUSIVE on rooms: reads and writes wait%0A"
        "add a new column instead:%0AALTER TABLE rooms ADD COLUMN rate_new bigint;\n",
    ),
    "caution": (
        hazard(level=Level.CAUTION, rule="drop", message="waits", advice=""),
        f"::warning {PLACE},title=drop::waits\n",
    ),
    "signs in a message": (
        hazard(message="100% of a,b: c\r\n::error::x", advice=""),
        f"::error {PLACE},title=table-rewrite::100%25 of a,b: c%0D%0A::error::x\n",
    ),
    "signs in a path": (
        hazard(path="a,b/100%:c\n.sql", message="waits", advice=""),
        "::error file=a%2Cb/100%25%3Ac%0A.sql,line=2,col=1,title=table-rewrite::waits\n",
    ),
    "allowed": (hazard("nobody books at night"), ""),
    "measured": (MEASURED, ""),
    "warning": (
        WarningRaised("", Problem("nothing was measured", 'run "tenantry db start"')),
        '::warning::nothing was measured%0Arun ".venv/bin/tenantry db start"\n',
    ),
    "unreachable": (
        TenantFinished("7", Verdict(Result.UNREACHABLE, "connection refused"), 3),
        "::error::tenant 7: unreachable, connection refused\n",
    ),
    "findings, all said before": (TenantFinished("migrations/tenant", Verdict(Result.FINDING, "1 danger"), 3), ""),
}


@pytest.mark.parametrize(("event", "expected"), CASES.values(), ids=CASES)
def test_command(event: Event, expected: str) -> None:
    """What a reviewer has to see is one line, a danger as an error and a caution as a warning; the rest is none."""
    assert render(make_sink, [event]) == expected
