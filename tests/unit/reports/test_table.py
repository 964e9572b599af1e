"""`table`: the report that a person reads, whole, and what it puts together."""

import io
import re
from collections.abc import Iterable
from dataclasses import replace

import pytest

from tenantry.model import AppliedMigration, Migration
from tenantry.model.errors import Problem
from tenantry.model.events import (
    DatabaseOpened,
    Event,
    FindingReported,
    LinePrinted,
    MigrationFailed,
    RepairProposed,
    RowReported,
    RunStarted,
    TenantFinished,
    TenantStarted,
    Verdict,
)
from tenantry.model.results import Cell, Result
from tenantry.reports.output import Output
from tenantry.reports.table import make_sink
from tests.builders import NOON
from tests.unit.reports.story import (
    CALL,
    DIFF,
    FAILURE,
    HAS_EDITED_ROOMS,
    HAS_ROOMS,
    INDEX,
    PROGRAM,
    RATES,
    RUN_ID,
    Terminal,
    apply_all,
    begin,
    check_golden,
    end,
    fail,
    miss,
    refuse,
    render,
    run_on,
    strip_colours,
    tell,
)


def report(names: Iterable[str], *events: Event, verb: str = "migrate") -> list[str]:
    """Return the lines of a report on a run, those of the table left out."""
    lines = render(make_sink, run_on(names, *events, verb=verb)).splitlines()
    return [line for line in lines if not re.match(r"(tenant  |------|\S+ +(applied|ok|failed|refused|stopped))", line)]


def test_migrate() -> None:
    """A run is reported whole: what each tenant has, then what went wrong, then what to type next."""
    check_golden("table.txt", render(make_sink, tell()))


def test_migrate_on_a_terminal() -> None:
    """On a terminal the same is said, with a drawn table."""
    text = render(make_sink, tell(), Terminal())
    check_golden("table_terminal.txt", "".join(f"{line.rstrip()}\n" for line in strip_colours(text).splitlines()))
    assert "\x1b[1;31mfailed" in text
    assert "\x1b[32mapplied" in text


def test_plain_without_colours() -> None:
    """Where the output is no terminal no line has colours or blanks at its end."""
    text = render(make_sink, tell())
    assert "\x1b" not in text
    assert [line for line in text.splitlines() if line != line.rstrip()] == []


SHARED_FAILURE = [
    'tenants 1, 16: failed: migrations/tenant/0002_rates.sql:2:1: column "hourly_rate" of relation "rooms" contains '
    "null values (SQLSTATE 23502)",
    "  1 | -- Rates, per hour",
    "  2 | ALTER TABLE rooms",
    "    | ^",
    "  3 |   ADD hourly_rate numeric(10,2) NOT NULL;",
    "  detail: Two rows have no rate.",
    '  context: SQL statement "ALTER TABLE rooms"',
    "  hint: Give the column a default.",
    "  0002_rates was rolled back; the databases are now at 0001_rooms",
]


def test_one_failure_of_several_tenants() -> None:
    """A failure that tenants share is shown once."""
    lines = report(("1", "16"), *fail("1"), *fail("16"))
    assert lines == [
        *SHARED_FAILURE,
        "2 tenants: 2 failed in 2.3 s",
        f"after fixing that: {PROGRAM} migrate --to 3 --tenants 1,16",
    ]


def test_failures_that_differ() -> None:
    """Tenants that are left with different versions are told apart, though the failure is the same."""
    lines = report(("1", "16"), *fail_late("1", HAS_ROOMS, RATES), *fail_late("16", (), RATES))
    assert [line for line in lines if line.startswith(("tenant", "  000"))] == [
        SHARED_FAILURE[0].replace("tenants 1, 16", "tenant 1"),
        "  0002_rates was rolled back; the database is now at 0001_rooms",
        SHARED_FAILURE[0].replace("tenants 1, 16", "tenant 16"),
        "  0002_rates was rolled back; the database has no migrations",
    ]


def fail_late(
    name: str, rows: tuple[AppliedMigration, ...], file: Migration, *, rolled_back: bool = True
) -> list[Event]:
    """Return a tenant that has some files and fails at this one."""
    failed = MigrationFailed(name, file, FAILURE, rolled_back=rolled_back)
    return [*begin(name, rows), failed, end(name, Result.FAILED, FAILURE.message)]


LEFT = {
    "rolled back": (RATES, True, "0002_rates was rolled back"),
    "ended its transaction": (RATES, False, "parts of 0002_rates may remain"),
    "non-transactional": (INDEX, False, "0003_room_names was left unfinished"),
    "non-transactional, nothing done": (INDEX, True, "0003_room_names was rolled back"),
}


@pytest.mark.parametrize(("file", "rolled_back", "expected"), LEFT.values(), ids=LEFT)
def test_what_is_left(file: Migration, rolled_back: bool, expected: str) -> None:
    """A failure says what became of its file, and what the tenant has now."""
    lines = report(("1",), *fail_late("1", HAS_ROOMS, file, rolled_back=rolled_back))
    assert lines[-3] == f"  {expected}; the database is now at 0001_rooms"


def test_one_finding_of_several_tenants() -> None:
    """A finding that tenants share is shown once, with one command for all of them."""
    lines = report(("1", "16"), *refuse("1"), *refuse("16"))
    assert lines[0].startswith("tenants 1, 16: 0001_rooms: edited after it was applied, expected sha256:")
    assert lines[1:6] == [f"  {line}" for line in DIFF.splitlines()]
    assert lines[6:] == [
        f'  hint: undo the edit and move it to a new file; or run "{PROGRAM} accept 1 --tenants 1,16 --reason ..." '
        "if the database already matches the edited file; or add the line "
        f'"-- replaces: {HAS_EDITED_ROOMS[0].checksum}" at the top of the file to accept the edit for every tenant '
        "that ran that text",
        "2 tenants: 2 refused in 2.3 s",
        f"after fixing that: {PROGRAM} migrate --to 3 --tenants 1,16",
    ]


def refuse_in_words(name: str, hint: str) -> list[Event]:
    """Return a tenant that is refused with a hint."""
    return [TenantStarted(name), end(name, Result.REFUSED, "version 9 is not recorded here", hint)]


HINTS = {
    "command with more behind": 'run "tenantry forget 9 --tenants {} --reason ..."',
    "command that ends with the tenant": 'see "tenantry status --tenants {}"',
    "without a tenant": "look at the database",
}


@pytest.mark.parametrize("hint", HINTS.values(), ids=HINTS)
def test_one_refusal_of_several_tenants(hint: str) -> None:
    """What several tenants are told alike is said once, with one command for all of them."""
    events = [event for name in ("1", "16") for event in refuse_in_words(name, hint.format(name))]
    assert report(("1", "16"), *events, verb="forget") == [
        "tenants 1, 16: refused: version 9 is not recorded here",
        "  hint: " + hint.format("1,16").replace("tenantry", PROGRAM),
        "2 tenants: 2 refused in 2.3 s",
    ]


def test_many_names() -> None:
    """Of many tenants that share a trouble the first eight are named, and how many more there are."""
    names = [str(number) for number in range(1, 31)]
    lines = report(names, *(event for name in names for event in miss(name)))
    assert [line for line in lines if line.startswith("tenants")] == [
        "tenants 1, 2, 3, 4, 5, 6, 7, 8 and 22 more: unreachable: server 'main': connection refused"
    ]


def rows_of(text: str) -> list[str]:
    """Return the rows of the table of a report, without its head."""
    lines = text.splitlines()
    return lines[2 : next(index for index, line in enumerate(lines) if re.match(r"tenants? \S+:|\d+ tenants: ", line))]


def test_folded() -> None:
    """Beyond 40 tenants, those that ended alike share a row, whatever their end; the others keep theirs."""
    names = [str(number) for number in range(1, 46)]
    well = [event for name in names[:41] for event in apply_all(name)]
    text = render(make_sink, run_on(names, *well, *fail("42"), *miss("43"), *miss("44"), *miss("45")))
    assert [re.split(r" {2,}", row) for row in rows_of(text)] == [
        ["41 tenants", "applied", "0003_room_names", "3"],
        ["42", "failed", "0001_rooms", "1"],
        ["3 tenants", "unreachable", "0"],
    ]


def test_not_folded() -> None:
    """Up to 40 tenants have a row each."""
    names = [str(number) for number in range(1, 41)]
    text = render(make_sink, run_on(names, *(event for name in names for event in apply_all(name))))
    assert [row.split()[0] for row in rows_of(text)] == names


def test_ten_thousand() -> None:
    """A run over very many tenants that went well is a report of a few lines."""
    names = [str(number) for number in range(10_000)]
    text = render(make_sink, run_on(names, *(event for name in names for event in apply_all(name))))
    assert len(text.splitlines()) == 5


def well(name: str, look: str = "") -> list[Event]:
    """Return a tenant that is up to date."""
    opened = DatabaseOpened(name, "main", f"db_{name}", 170010, look or f"tenantry db psql db_{name}")
    return [TenantStarted(name), opened, end(name, Result.UP_TO_DATE)]


def stopped(name: str) -> list[Event]:
    """Return a tenant that can go on as it is."""
    return [TenantStarted(name), end(name, Result.STOPPED, "SIGTERM")]


MANY = [str(number) for number in range(1, 43, 2)]
RUN = [str(number) for number in range(1, 301)]
PSQL = 'psql "host=tenantry.example.org dbname=tenant_1"'
NEXT: dict[str, tuple[list[str], list[Event], str]] = {
    "all well": (["master", "1"], [*well("master"), *well("1")], f"inspect a tenant: {PROGRAM} db psql db_1"),
    "the master alone": (["master"], well("master"), f"inspect the master: {PROGRAM} db psql db_master"),
    "on a real server": (["1"], well("1", PSQL), f"inspect a tenant: {PSQL}"),
    "to go on": (["1", "2"], [*well("1"), *stopped("2")], f"next: {PROGRAM} migrate --to 3 --tenants 2"),
    "to try again": (["1", "2"], [*miss("1"), *miss("2")], f"next: {PROGRAM} migrate --to 3 --tenants 1,2"),
    "to mend": (
        ["1", "2", "3"],
        [*fail("1"), *miss("2"), *well("3")],
        f"after fixing that: {PROGRAM} migrate --to 3 --tenants 1,2",
    ),
    "not proven": (
        ["1", "2"],
        [*well("1"), TenantStarted("2"), end("2", Result.FINDING, "applied, but 2 differences")],
        f"after fixing that: {PROGRAM} verify --tenants 2",
    ),
    "very many": (
        MANY,
        [event for name in MANY for event in stopped(name)],
        f"next: {PROGRAM} migrate --to 3 --tenants {CALL.selection}",
    ),
    "very many in a row": (
        [*RUN, "999"],
        [event for name in [*RUN, "999"] for event in stopped(name)],
        f"next: {PROGRAM} migrate --to 3 --tenants 1-300,999",
    ),
}


@pytest.mark.parametrize(("names", "events", "expected"), NEXT.values(), ids=NEXT)
def test_next_step(names: list[str], events: list[Event], expected: str) -> None:
    """The last line of a report is a command that can be typed as it stands."""
    assert render(make_sink, run_on(names, *events)).splitlines()[-1] == expected


@pytest.mark.parametrize(
    ("events", "again", "expected"),
    [
        ([event for name in MANY for event in fail(name)], "", "after fixing that: {} --tenants failed"),
        (
            [event for name in MANY[1:] for event in fail(name)] + list(miss("1")),
            "",
            "after fixing that: {} --tenants behind",
        ),
        ([event for name in MANY for event in stopped(name)], "", "next: {} --tenants behind"),
        ([event for name in MANY for event in miss(name)], " --dry-run", "next: {} --tenants all"),
    ],
    ids=["failed", "failed and away", "stopped", "dry run"],
)
def test_next_step_by_state(events: list[Event], again: str, expected: str) -> None:
    """Of a run over the whole fleet, the state of those that are left is shorter than their ids, and not wider."""
    command = f"{PROGRAM} migrate{again}"
    stream = io.StringIO()
    sink = make_sink(Output(stream), replace(CALL, again=command, selection="all"))
    for event in run_on([*MANY, "22"], *events, *well("22")):
        sink(event)
    assert stream.getvalue().splitlines()[-1] == expected.format(command)


def test_unproven_by_state() -> None:
    """Of many tenants that are applied and not proven, the state is named as well."""
    ends = [event for name in MANY for event in (TenantStarted(name), end(name, Result.FINDING, "2 differences"))]
    stream = io.StringIO()
    sink = make_sink(Output(stream), replace(CALL, again=f"{PROGRAM} migrate", selection="all"))
    for event in run_on(MANY, *ends):
        sink(event)
    assert stream.getvalue().splitlines()[-1] == f"after fixing that: {PROGRAM} verify --tenants unproven"


@pytest.mark.parametrize("verb", ["status", "verify", "accept"])
def test_no_next_step(verb: str) -> None:
    """Other verbs than `migrate` end with their totals."""
    text = render(make_sink, run_on(("1", "2"), *well("1"), *miss("2"), verb=verb))
    assert text.splitlines()[-1] == "2 tenants: 1 up to date, 1 unreachable in 2.3 s"


def test_rows() -> None:
    """What a verb read of each tenant is a table, in the order in which the tenants were selected."""
    empty: dict[str, Cell] = {"name": "", "version": "", "pending": 12, "last applied": None, "by": "", "labels": ""}
    full: dict[str, Cell] = {
        "name": "Test Studio UI",
        "version": "0011",
        "pending": 0,
        "last applied": NOON,
        "by": "ann",
    }
    text = render(
        make_sink,
        run_on(
            ("1", "16"),
            RowReported("16", empty | full),
            end("16", Result.OK),
            RowReported("1", empty),
            end("1", Result.OK),
            verb="status",
        ),
    )
    check_golden("status.txt", text)


def test_findings() -> None:
    """What a verb found is said with its detail and what to do, and is in the totals."""
    findings = [
        FindingReported("1", Problem("0011_x: pending", 'run "tenantry migrate --tenants 1"')),
        FindingReported("1", Problem("0001_rooms: edited", 'run "tenantry accept 1 --tenants 1 --reason ..."'), DIFF),
        FindingReported("16", Problem("0001_rooms: edited", 'run "tenantry accept 1 --tenants 16 --reason ..."'), DIFF),
    ]
    ends = [
        event
        for name in ("1", "16")
        for event in (TenantStarted(name), end(name, Result.FINDING, "changed: 0001_rooms"))
    ]
    check_golden("verify.txt", render(make_sink, run_on(("1", "16"), *findings, *ends, verb="verify")))


def test_findings_in_order() -> None:
    """Tenants that share a finding are named in the order in which they were selected, whoever was read first."""
    events = [*refuse("16"), *refuse("1")]
    assert report(("1", "16"), *events)[0].startswith("tenants 1, 16: 0001_rooms: edited after it was applied")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (LinePrinted("migrations/tenant/0012_rates.sql"), "migrations/tenant/0012_rates.sql\n"),
        (
            RepairProposed("16", ("0012_rates: deleted", "0013_x: late")),
            "tenant 16: 0012_rates: deleted\ntenant 16: 0013_x: late\n",
        ),
        (RepairProposed("master", ("0001_a: deleted",)), "master: 0001_a: deleted\n"),
    ],
    ids=["line", "repair", "repair of the master"],
)
def test_at_once(event: Event, expected: str) -> None:
    """A line of output and a change by hand are written when they come, not when the run is over."""
    stream = io.StringIO()
    sink = make_sink(Output(stream), CALL)
    sink(RunStarted("forget", RUN_ID, ("16", "master")))
    sink(event)
    assert stream.getvalue() == expected


def test_lines_are_the_output() -> None:
    """Lines that a verb printed are the output as they are, to be kept in a file; troubles come below."""
    well: list[Event] = [TenantStarted("1"), LinePrinted("SELECT 1;"), end("1", Result.OK)]
    assert render(make_sink, run_on(("1",), *well, verb="log")) == "SELECT 1;\n"
    text = render(make_sink, run_on(("1", "2"), *well, *miss("2"), verb="log"))
    assert text.startswith("SELECT 1;\n")
    assert "tenant 2: unreachable: server 'main': connection refused\n" in text


def test_bug() -> None:
    """A bug is shown with its trace, to be reported."""
    verdict = Verdict(Result.FAILED, "a bug in tenantry: KeyError('x')", trace="Traceback:\n  line 1\nKeyError: 'x'\n")
    assert report(("1",), TenantStarted("1"), TenantFinished("1", verdict, 3)) == [
        "tenant 1: failed: a bug in tenantry: KeyError('x')",
        "  please report this:",
        "  Traceback:",
        "    line 1",
        "  KeyError: 'x'",
        "1 tenant: 1 failed in 2.3 s",
        f"after fixing that: {PROGRAM} migrate --to 3 --tenants 1",
    ]
