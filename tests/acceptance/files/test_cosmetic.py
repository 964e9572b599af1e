"""Files that were edited so that nothing changes, or that say which text they replace: applied, for every verb."""

import pytest

from tenantry.model.checksum import checksum
from tests.acceptance.fix_command import FILES, RATES, Fleet, MakeFleet, read_events, read_report

COSMETIC = "-- In euros.\n" + RATES.replace(" COLUMN", "\n    COLUMN")
MEANT = RATES.replace("10, 2", "12, 2")
# Another text for the same schema, and one for another.
SAME = RATES.replace("numeric", "decimal")
REPLACING = f"-- replaces: {checksum(RATES)}\n{SAME}"
LYING = f"-- replaces: {checksum(RATES)}\n{MEANT}"
WARNED = (
    "0001_rates: only comments or white space have changed since it was applied",
    'nothing needs to be done; "tenantry accept 1 --tenants 1 --reason ..." records it',
)


@pytest.fixture
def applied(fleet: MakeFleet) -> Fleet:
    """Return a fleet of one tenant that has files 0 and 1, and is proven."""
    one = fleet(tenants=["1"], files=FILES)
    assert one.run("migrate").code == 0
    return one


def warned(out: str) -> list[tuple[str, str]]:
    """Return message and hint of every warning of a run."""
    problems = [event["problem"] for event in read_events(out) if event["event"] == "warning_raised"]
    return [(problem["message"], problem["hint"]) for problem in problems]


@pytest.mark.parametrize("verb", ["migrate", "verify"])
def test_a_cosmetic_edit(applied: Fleet, verb: str) -> None:
    """A file whose comments and white space alone were edited is warned of, and changes neither exit code nor row."""
    before = applied.query("1", "SELECT * FROM _migrations ORDER BY version")
    applied.write("0001_rates.sql", COSMETIC)
    done = applied.run(verb, "--format", "jsonl")
    assert (done.code, warned(done.out)) == (0, [WARNED])
    assert applied.query("1", "SELECT * FROM _migrations ORDER BY version") == before


@pytest.mark.parametrize(
    ("text", "note"), [(COSMETIC, "cosmetic edit"), (REPLACING, "replaces")], ids=["cosmetic", "replacing"]
)
def test_every_verb_takes_it_for_applied(applied: Fleet, text: str, note: str) -> None:
    """Such a file is applied for all verbs, pending files go on behind it, and `status` says what it is."""
    applied.write("0001_rates.sql", text)
    applied.write("0002_notes.sql", "CREATE TABLE notes ();\n")
    plan = applied.run("plan", "--format", "jsonl")
    (planned,) = [event["plan"] for event in read_events(plan.out) if event["event"] == "tenant_planned"]
    assert ([step["version"] for step in planned["steps"]], planned["blockers"]) == ([2], [])
    assert applied.run("migrate").code == 0
    assert applied.versions("1") == [0, 1, 2]
    status = applied.run("status", "--exit-code")
    (row,) = read_report(applied, status.out).rows
    assert (status.code, row["version"], row["state"]) == (0, "0002", f"up to date ({note}: 0001_rates)")
    assert [applied.run(verb).code for verb in ("verify", "drift", "migrate")] == [0, 0, 0]
    events = read_events(applied.run("status", "--format", "jsonl").out)
    (compared,) = [event["statuses"] for event in events if event["event"] == "tenant_compared"]
    assert [(one["state"], one["note"]) for one in compared] == [
        ("applied", None),
        ("applied", note),
        ("applied", None),
    ]


def test_a_replaced_text_is_held_to_what_it_says(applied: Fleet) -> None:
    """A file that says which text it replaces must come to the same: a tenant that ran the other is found otherwise."""
    applied.write("0001_rates.sql", LYING)
    for verb in ("verify", "migrate"):
        done = applied.run(verb)
        assert done.code == 1
        assert "rooms.rate: type numeric(10,2), expected numeric(12,2)" in done.out
    assert applied.query("1", "SELECT checksum FROM _migrations WHERE version = 1") == [(checksum(RATES),)]


def test_an_edit_that_is_meant(applied: Fleet) -> None:
    """Any other edit is refused with a diff of what ran here, and the line that its hint gives mends it everywhere."""
    applied.write("0001_rates.sql", SAME)
    refused = applied.run("migrate", "--format", "jsonl")
    (finding,) = [event for event in read_events(refused.out) if event["event"] == "finding_reported"]
    assert (refused.code, finding["detail"].splitlines()) == (
        4,
        [
            "--- 0001_rates as applied",
            "+++ migrations/tenant/0001_rates.sql",
            "@@ -1 +1 @@",
            f"-{RATES}".rstrip(),
            f"+{SAME}".rstrip(),
        ],
    )
    line = finding["problem"]["hint"].split('the line "')[1].split('"')[0]
    applied.write("0001_rates.sql", f"{line}\n{SAME}")
    assert applied.run("migrate").code == 0


def test_a_header_key_is_no_cosmetic_edit(applied: Fleet) -> None:
    """A comment that tells the runner how to run the file counts."""
    applied.write("0001_rates.sql", f"-- lock-timeout: 1s\n{RATES}")
    assert applied.run("migrate").code == 4


def test_accepting_a_cosmetic_edit(applied: Fleet) -> None:
    """`accept` records the new text where that is asked for, and the warning is gone."""
    applied.write("0001_rates.sql", COSMETIC)
    assert applied.run("accept", "1", "--tenants", "1", "--reason", "licence").code == 0
    assert warned(applied.run("verify", "--format", "jsonl").out) == []
