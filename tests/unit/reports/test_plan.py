"""`plan`: tenants that get the same are shown together."""

import pytest

from tenantry.model import Plan
from tenantry.model.events import Event, TenantFinished, TenantPlanned, TenantStarted, Verdict
from tenantry.model.results import Result
from tenantry.reports.plan import make_sink
from tests.builders import migration
from tests.unit.reports.story import PROGRAM, begin, check_golden, end, render, run_on, tell_plan


def test_plans() -> None:
    """Each distinct plan is shown once with its tenants, the most common one first, and then the troubles."""
    check_golden("plan.txt", render(make_sink, tell_plan()))


def test_name_of_plans() -> None:
    """Plans are named A to Z, then AA, AB and so on."""
    events: list[Event] = []
    for number in range(28):
        name = str(number)
        plan = Plan((migration(f"{number:04d}_x"),))
        events += [TenantStarted(name), TenantPlanned(name, plan), end(name, Result.OK)]
    text = render(make_sink, run_on([str(number) for number in range(28)], *events, verb="plan"))
    names = [line.split()[3].rstrip(":") for line in text.splitlines() if line.startswith("1 tenant:")]
    assert names == [*"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "AA", "AB"]


def test_same_files_in_two_orders_of_arrival() -> None:
    """Tenants are named in the order in which they were selected, whoever was read first."""
    names = ("3", "1", "2")
    events = [event for name in ("2", "1", "3") for event in (*begin(name), end(name, Result.OK))]
    first = render(make_sink, run_on(names, *events, verb="plan")).splitlines()[0]
    assert first == "3 tenants: plan A: 3 files for tenants 3, 1, 2"


TROUBLES = {
    "refused": (
        Verdict(Result.REFUSED, "changed: 0001_rooms"),
        [f'  hint: run "{PROGRAM} verify --tenants 1" to see the reason'],
    ),
    "with a hint": (
        Verdict(Result.UNREACHABLE, "no answer", 'run "tenantry db start"'),
        [f'  hint: run "{PROGRAM} db start"'],
    ),
    "not started": (Verdict(Result.NOT_STARTED, "SIGINT"), []),
}


@pytest.mark.parametrize(("verdict", "expected"), TROUBLES.values(), ids=TROUBLES)
def test_hint(verdict: Verdict, expected: list[str]) -> None:
    """A trouble comes with what to do about it, and with nothing where nothing is wrong with the tenant."""
    text = render(make_sink, run_on(("1",), TenantFinished("1", verdict, 3), verb="plan"))
    assert text.splitlines() == [f"tenant 1: {verdict.result.value}: {verdict.reason}", *expected]


def test_bug() -> None:
    """A bug is shown with its trace, to be reported."""
    verdict = Verdict(Result.FAILED, "a bug in tenantry: KeyError('x')", trace="Traceback:\nKeyError: 'x'\n")
    text = render(make_sink, run_on(("1",), TenantFinished("1", verdict, 3), verb="plan"))
    assert "Traceback:" in text


def test_troubles_are_grouped() -> None:
    """Tenants with one trouble are told once, with one command for all of them."""
    verdict = [Verdict(Result.UNREACHABLE, "no answer", f'run "tenantry tenants --tenants {name}"') for name in "123"]
    events = [TenantFinished(name, one, 3) for name, one in zip("123", verdict, strict=True)]
    text = render(make_sink, run_on(("1", "2", "3"), *events, verb="plan"))
    assert text.splitlines() == [
        "tenants 1, 2, 3: unreachable: no answer",
        f'  hint: run "{PROGRAM} tenants --tenants 1,2,3"',
    ]
