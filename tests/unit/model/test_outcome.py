"""The exit code and the totals: what a run has come to."""

from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.model import Plan
from tenantry.model.errors import Problem
from tenantry.model.events import (
    DatabaseOpened,
    Event,
    FindingReported,
    LinePrinted,
    MigrationApplied,
    MigrationFailed,
    MigrationStarted,
    RunFinished,
    RunStarted,
    TenantCompared,
    TenantFinished,
    TenantPlanned,
    TenantStarted,
    Verdict,
)
from tenantry.model.outcome import Outcome, TenantOutcome, exit_code
from tenantry.model.results import Failure, Result, Standing
from tenantry.planning.compare import compare
from tests.builders import applied, migration, unhurried

BUG = Verdict(Result.FAILED, "a bug in tenantry: ZeroDivisionError()", trace="Traceback ...")
CODES = {
    Result.APPLIED: 0,
    Result.UP_TO_DATE: 0,
    Result.OK: 0,
    Result.SKIPPED: 0,
    Result.FAILED: 3,
    Result.REFUSED: 4,
    Result.BLOCKED: 5,
    Result.UNREACHABLE: 5,
    Result.STOPPED: 6,
    Result.NOT_STARTED: 6,
    Result.FINDING: 1,
}
# From the worst to the best. A tenant that was not started says less than whoever kept it from that.
WORST_FIRST = (70, 130, 3, 6, 4, 5, 1)

verdicts = st.none() | st.sampled_from([BUG, *map(Verdict, Result)])
signals = st.sampled_from(["", "SIGINT", "SIGTERM", "an error in the output"])


def code_of(verdict: Verdict | None) -> int:
    """Return the exit code of a run of one tenant, as the contract has it."""
    if verdict is None:
        return 6
    return 70 if verdict.trace else CODES[verdict.result]


def worst_of(ends: Sequence[Verdict | None], stopped_by: str = "") -> int:
    """Return the exit code of a run, as the contract has it."""
    codes = {code_of(end) for end in ends if end is None or end.result is not Result.NOT_STARTED}
    codes.add({"": 0, "SIGINT": 130}.get(stopped_by, 6))
    never = any(end and end.result is Result.NOT_STARTED for end in ends)
    return next((code for code in WORST_FIRST if code in codes), 6 if never else 0)


def fold(*events: Event) -> Outcome:
    """Return what the events of a run come to."""
    outcome = Outcome()
    for event in events:
        outcome.add(event)
    return outcome


@pytest.mark.parametrize("result", list(Result))
def test_one_tenant(result: Result) -> None:
    """Every way in which a tenant can end has its exit code."""
    assert exit_code([Verdict(result)]) == CODES[result]


ENDS = {
    "nobody": ([], "", 0),
    "nobody, interrupted": ([], "SIGINT", 130),
    "without verdict": ([None], "", 6),
    "bug": ([BUG], "", 70),
    "interrupted though all ended well": ([Verdict(Result.APPLIED)], "SIGINT", 130),
    "terminated though all ended well": ([Verdict(Result.APPLIED)], "SIGTERM", 6),
    "output broke": ([Verdict(Result.APPLIED)], "an error in the output", 6),
    "bug and interrupted": ([BUG], "SIGINT", 70),
    "failed and interrupted": ([Verdict(Result.FAILED)], "SIGINT", 130),
    "failed and terminated": ([Verdict(Result.FAILED)], "SIGTERM", 3),
    "refused and terminated": ([Verdict(Result.REFUSED)], "SIGTERM", 6),
    "master unreachable": ([Verdict(Result.UNREACHABLE), Verdict(Result.NOT_STARTED)], "", 5),
    "master refused": ([Verdict(Result.REFUSED), Verdict(Result.NOT_STARTED)], "", 4),
    "well and not started": ([Verdict(Result.APPLIED), Verdict(Result.NOT_STARTED)], "", 6),
}


@pytest.mark.parametrize(("ends", "stopped_by", "expected"), ENDS.values(), ids=ENDS)
def test_ends(ends: list[Verdict | None], stopped_by: str, expected: int) -> None:
    """Bugs, signals and tenants that nothing is known of have their exit codes."""
    assert exit_code(ends, stopped_by) == expected


def test_worst_of_two() -> None:
    """The worse of two ends decides, in whatever order they came."""
    codes = {pair: exit_code(map(Verdict, pair)) for pair in permutations(Result, 2)}
    assert codes == {pair: worst_of([*map(Verdict, pair)]) for pair in codes}


@unhurried
@given(st.lists(verdicts), signals)
def test_worst_of_many(ends: list[Verdict | None], stopped_by: str) -> None:
    """The worst end of a run decides, however many better ones there are."""
    assert exit_code(ends, stopped_by) == worst_of(ends, stopped_by)


@unhurried
@given(st.lists(verdicts, min_size=1), signals)
def test_never_a_false_success(ends: list[Verdict | None], stopped_by: str) -> None:
    """Exit code 0 means that every selected tenant has ended well, and that nothing cut the run short."""
    good = (Result.APPLIED, Result.UP_TO_DATE, Result.OK, Result.SKIPPED)
    all_good = all(end and end.result in good and not end.trace for end in ends) and not stopped_by
    assert (exit_code(ends, stopped_by) == 0) == all_good


@unhurried
@given(st.lists(verdicts, min_size=1))
def test_totals(ends: list[Verdict | None]) -> None:
    """The totals and the tenants without a verdict add up to the number selected."""
    names = tuple(str(number) for number in range(len(ends)))
    finished = [TenantFinished(name, end, 5) for name, end in zip(names, ends, strict=True) if end]
    outcome = fold(RunStarted("migrate", "r", names), *finished)
    assert sum(outcome.totals.values()) + ends.count(None) == len(ends)
    assert 0 not in outcome.totals.values()
    assert outcome.exit_code == exit_code(ends)


def test_totals_in_order() -> None:
    """Totals come in one order, whoever finished first."""
    results = (Result.FAILED, Result.APPLIED, Result.FAILED, Result.UP_TO_DATE)
    finished = [TenantFinished(str(number), Verdict(result), 5) for number, result in enumerate(results)]
    outcome = fold(RunStarted("migrate", "r", ("0", "1", "2", "3")), *finished)
    assert list(outcome.totals.items()) == [(Result.APPLIED, 1), (Result.UP_TO_DATE, 1), (Result.FAILED, 2)]


def test_standings() -> None:
    """Tenants are counted by the state in which they were found, in one order, or else by their result."""
    found = [Standing.NO_DATABASE, Standing.PENDING, None, Standing.UP_TO_DATE, Standing.PENDING]
    verdicts = [Verdict(Result.OK if one else Result.REFUSED, standing=one) for one in found]
    finished = [TenantFinished(str(number), verdict, 5) for number, verdict in enumerate(verdicts)]
    outcome = fold(RunStarted("status", "r", ("0", "1", "2", "3", "4")), *finished)
    assert list(outcome.standings.items()) == [("up to date", 1), ("refused", 1), ("pending", 2), ("no database", 1)]


def test_cut_short() -> None:
    """A run that ends without a word about a tenant is not a success."""
    started = RunStarted("migrate", "r", ("1", "16"))
    assert fold(started).exit_code == 6
    assert fold(started, TenantFinished("1", Verdict(Result.APPLIED), 5)).exit_code == 6
    assert fold(started, TenantFinished("1", Verdict(Result.APPLIED), 5), RunFinished(9)).exit_code == 6


def test_nothing_selected() -> None:
    """A verb that is about no tenant ends well."""
    assert fold(LinePrinted("migrations/tenant/0012_rates.sql")).exit_code == 0


ROOMS, RATES = migration("0001_rooms"), migration("0002_rates")
COMPARED = TenantCompared("1", compare([ROOMS, RATES], [applied("0001_rooms")]))


def test_one_tenant_step_by_step() -> None:
    """What is known of a tenant follows its events."""
    outcome = fold(RunStarted("migrate", "run 1", ("1", "16")))
    one = outcome.tenants["1"]
    assert (outcome.verb, outcome.run_id, one) == ("migrate", "run 1", TenantOutcome("1"))
    for event in (TenantStarted("1"), DatabaseOpened("1", "main", "tenant_1", 170010, "psql tenant_1"), COMPARED):
        outcome.add(event)
    assert (one.started, one.look, one.version) == (True, "psql tenant_1", "0001_rooms")
    outcome.add(TenantPlanned("1", Plan((RATES,))))
    outcome.add(MigrationStarted("1", RATES))
    assert one.applied == []
    outcome.add(MigrationApplied("1", RATES, 8))
    assert (one.applied, one.version) == (["0002_rates"], "0002_rates")
    outcome.add(TenantFinished("1", Verdict(Result.APPLIED), 12))
    assert (one.verdict, one.elapsed_ms, outcome.tenants["16"]) == (Verdict(Result.APPLIED), 12, TenantOutcome("16"))
    outcome.add(RunFinished(20, "SIGTERM"))
    assert (outcome.elapsed_ms, outcome.stopped_by, outcome.exit_code) == (20, "SIGTERM", 6)


def test_failed_tenant() -> None:
    """A tenant that failed keeps the version that it had, and what went wrong with which file."""
    failed = MigrationFailed("1", RATES, Failure("no", "42P01"), rolled_back=False)
    one = fold(RunStarted("migrate", "r", ("1",)), COMPARED, failed).tenants["1"]
    assert (one.version, one.applied, one.failed) == ("0001_rooms", [], failed)


def test_late_file() -> None:
    """A file that is applied out of order does not take a tenant back to an older version."""
    events = (COMPARED, MigrationApplied("1", migration("0000_late"), 8), MigrationApplied("1", RATES, 8))
    one = fold(RunStarted("migrate", "r", ("1",)), *events[:2]).tenants["1"]
    assert (one.version, one.applied) == ("0001_rooms", ["0000_late"])
    assert fold(RunStarted("migrate", "r", ("1",)), *events).tenants["1"].version == "0002_rates"


def test_beyond_four_digits() -> None:
    """Versions are compared as numbers, not as text."""
    events = (MigrationApplied("1", migration("9999_a"), 8), MigrationApplied("1", migration("10000_b"), 8))
    assert fold(RunStarted("migrate", "r", ("1",)), *events).tenants["1"].version == "10000_b"


def test_findings() -> None:
    """Findings are counted for the tenant that they are about; one about the input is nobody's."""
    findings = [FindingReported(tenant, Problem("0002_rates: pending")) for tenant in ("1", "1", "")]
    outcome = fold(RunStarted("verify", "r", ("1", "16")), *findings)
    assert [tenant.findings for tenant in outcome.tenants.values()] == [2, 0]
