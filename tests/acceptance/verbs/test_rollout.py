"""The rollout of `tenantry migrate`: stages in order, gates between them, and when it starts nobody any more."""

import json

import pytest

from tests.acceptance.fix_command import (
    FILES,
    MASTER_FILES,
    RATES,
    ROOMS,
    Fleet,
    MakeFleet,
    Result,
    create_databases,
    read_events,
    read_report,
)

IDS = [str(number) for number in range(1, 13)]
STAGES = """rollout:
  stages:
    - {name: canary, match: "1-2", max-failures: 0, verify: true}
    - {name: early, match: "1-6"}
    - {name: rest, jobs: 2}
"""
BAD = "CREATE TABLE rooms (id integer PRIMARY KEY, name text NOT NULL);\n"


def ends(result: Result) -> dict[str, str]:
    """Return how each tenant ended, in the order in which they did."""
    events = read_events(result.out)
    return {event["tenant"]: event["verdict"]["result"] for event in events if event["event"] == "tenant_finished"}


def finish(result: Result) -> tuple[int, str]:
    """Return the exit code, and what ended the run early."""
    return result.code, read_events(result.out)[-1]["stopped_by"]


def break_in(one: Fleet, *names: str) -> None:
    """Have the first file fail in these tenants."""
    for name in names:
        one.query(name, ROOMS)


def migrate(one: Fleet, *args: str) -> Result:
    """Run migrate for its events."""
    return one.run("migrate", "--format", "jsonl", *args)


def test_stages_run_in_order(fleet: MakeFleet) -> None:
    """Each tenant is in the first stage that matches it, and no stage starts before the one before it has ended."""
    one = fleet(tenants=IDS, master=MASTER_FILES, settings=STAGES)
    done = migrate(one)
    assert finish(done) == (0, "")
    order = list(ends(done))
    assert order[0] == "master"
    assert [set(order[1:3]), set(order[3:7]), set(order[7:])] == [{"1", "2"}, {"3", "4", "5", "6"}, set(IDS[6:])]
    events = read_events(done.out)
    stages = [(event["stage"], event["number"], event["size"]) for event in events if event["event"] == "stage_started"]
    assert stages == [("canary", 2, 2), ("early", 3, 4), ("rest", 4, 6)]


def test_plan_shows_the_stages(fleet: MakeFleet) -> None:
    """`plan` begins with the stages and their tenants; nobody of the selection is in an empty one."""
    one = fleet(tenants=IDS, settings=STAGES)
    done = one.run("plan", "--tenants", "1-8")
    assert done.code == 0
    assert done.out.splitlines()[:3] == [
        "stage 1 of 3: canary: tenants 1, 2 (max-failures 0, verified)",
        "stage 2 of 3: early: tenants 3, 4, 5, 6 (max-failures 0)",
        "stage 3 of 3: rest: tenants 7, 8",
    ]
    assert one.run("plan", "--tenants", "7,8").out.startswith("stage 1 of 1: rest: tenants 7, 8\n")


def test_a_canary_that_fails(fleet: MakeFleet) -> None:
    """A failure in the canary costs the canary alone; the others are not started, exit code 6, and can be resumed."""
    one = fleet(tenants=IDS, settings=STAGES)
    break_in(one, "2")
    done = migrate(one)
    assert finish(done) == (6, "the failure limit")
    assert ends(done) == {"1": "applied", "2": "failed"} | dict.fromkeys(IDS[2:], "not started")
    told = one.run("migrate")
    assert "not started: stage 'canary': 1 of 2 tenants failed, max-failures: 0 allows 0\n" in told.out
    assert told.out.splitlines()[-2].endswith("s, ended by the failure limit")
    assert told.out.splitlines()[-1] == f"after fixing that: tenantry migrate --tenants {','.join(IDS[1:])}"
    one.query("2", "DROP TABLE rooms")
    assert finish(migrate(one)) == (0, "")


def test_stage_and_no_rollout(fleet: MakeFleet) -> None:
    """--stage ends after a stage, and --no-rollout takes all at once, whoever fails."""
    one = fleet(tenants=IDS, settings=STAGES)
    done = migrate(one, "--stage", "early")
    assert (done.code, set(ends(done))) == (0, set(IDS[:6]))
    assert one.versions("7") == []
    break_in(one, "7")
    done = migrate(one, "--no-rollout")
    assert (done.code, ends(done)["7"], ends(done)["12"]) == (3, "failed", "applied")


def test_the_limit_of_the_run(fleet: MakeFleet) -> None:
    """More failures than --max-failures allows end the run; as many as it allows do not."""
    one = fleet(tenants=IDS)
    break_in(one, "1", "3")
    done = migrate(one, "--max-failures", "10%", "--jobs", "1")
    assert finish(done) == (6, "the failure limit")
    assert ends(done) == {"1": "failed", "2": "applied", "3": "failed"} | dict.fromkeys(IDS[3:], "not started")
    done = migrate(one, "--max-failures", "2", "--jobs", "1")
    assert finish(done) == (3, "")


def test_one_percent(fleet: MakeFleet) -> None:
    """A percentage counts of those who are selected; who is not started is not even connected to."""
    ids = [str(number) for number in range(1, 101)]
    one = fleet(tenants=ids, settings="rollout: {max-failures: 1%}\n", created=False)
    create_databases(one, "1", "2", "3", "4")
    break_in(one, "2", "4")
    done = one.run("migrate", "--jobs", "1")
    assert done.code == 6
    assert done.out.splitlines()[2:5] == [
        "2 tenants   applied      0001_rates        2",
        "2 tenants   failed                         0",
        "96 tenants  not started                    0",
    ]
    why, total, after = done.out.splitlines()[-3:]
    assert why == (
        "tenants 5, 6, 7, 8, 9, 10, 11, 12 and 88 more: not started: "
        "2 of 100 tenants failed, max-failures: 1% allows 1 of 100"
    )
    assert total.startswith("100 tenants: 2 applied, 2 failed, 96 not started in ")
    assert total.endswith("s, ended by the failure limit")
    assert after == "after fixing that: tenantry migrate --jobs 1 --tenants 2,4-100"
    one.query("2", "DROP TABLE rooms")
    assert finish(migrate(one, "--tenants", "2-4", "--max-failures", "1")) == (3, "")


def test_the_same_cause_everywhere(fleet: MakeFleet) -> None:
    """A file that is broken for everybody costs as many tenants as are worked on at once, not the fleet."""
    one = fleet(tenants=IDS, files={**FILES, "0002_bad.sql": "SELECT 1;\nALTER TABLE nowhere ADD COLUMN a integer;\n"})
    done = one.run("migrate", "--jobs", "3")
    assert done.code == 6
    place = "migrations/tenant/0002_bad.sql"
    cause = f'the first 3 tenants failed in the same way: {place}:2: relation "nowhere" does not exist'
    assert f": not started: {cause}\n" in done.out
    failed = sum(one.versions(name) == [0, 1] for name in IDS)
    assert 3 <= failed <= 5
    assert "ended by the same failure everywhere" in done.out


def test_others_of_one_cause(fleet: MakeFleet) -> None:
    """Where somebody got the file, the same failure of others is theirs, and the run goes through."""
    one = fleet(tenants=IDS)
    break_in(one, *IDS[1:6])
    done = migrate(one, "--jobs", "1")
    assert (finish(done), list(ends(done).values()).count("failed")) == ((3, ""), 5)


GATED = """rollout:
  stages:
    - {name: canary, match: "1", pause: 200ms, gate: "SELECT count(*) > 0 FROM organizations", gate-timeout: 3s}
    - {name: rest}
"""


def test_a_gate_on_the_master(fleet: MakeFleet) -> None:
    """The next stage starts once the gate's query on the master is true; one that stays false ends the run."""
    one = fleet(tenants=IDS[:3], master=MASTER_FILES, settings=GATED)
    shut = migrate(one)
    assert finish(shut) == (6, "the gate")
    assert ends(shut) == {"master": "applied", "1": "applied", "2": "not started", "3": "not started"}
    reason = "the gate of stage 'canary' stayed shut for 3 s: the query returned false"
    assert f'"reason": "{reason}"' in shut.out
    assert read_report(one, one.run("migrate").out).text == (
        f"tenants 2, 3: not started: {reason}\n"
        "4 tenants: 2 up to date, 2 not started in 0 ms, ended by the gate\n"
        "next: tenantry migrate --tenants 2,3\n"
    ).replace("3 s:", "0 ms:")
    one.query("master", "INSERT INTO organizations VALUES (1)")
    opened = migrate(one, "--tenants", "all,!master")
    assert finish(opened) == (0, "")
    waits = [event["reason"] for event in read_events(opened.out) if event["event"] == "stage_held"]
    assert waits == ["a pause of 0.2 s"]


GATE = 'gate: "SELECT count(*) > 0 FROM organizations"'
SHUT = {
    "gate: SELECT 1": "the query returned 1",
    "gate: SELECT NULL::boolean": "the query returned NULL",
    "gate: SELECT true FROM organizations": "the query returned no row, expected one",
    "gate: SELECT true FROM pg_class": "the query returned several rows, expected one",
    "gate: SELECT true FROM nowhere": 'the query failed: relation \\"nowhere\\" does not exist',
    "gate: DELETE FROM organizations": "the query failed: cannot execute DELETE in a read-only transaction",
    "gate-command: [./none]": "./none could not be run: No such file or directory",
    "gate-command: ['false']": "false ended with exit code 1",
    "gate-command: [sleep, '60']": "sleep did not end",
}


def test_a_gate_that_cannot_be_read_is_shut(fleet: MakeFleet) -> None:
    """A query that fails, writes or returns no boolean, and a command that is not there, open no gate."""
    one = fleet(tenants=IDS[:2], master=MASTER_FILES, settings=GATED.replace("3s", "200ms"))
    text = (one.folder / "tenants.yaml").read_text()
    assert one.run("migrate", "--tenants", "master").code == 0
    for gate, said in SHUT.items():
        (one.folder / "tenants.yaml").write_text(text.replace(GATE, gate))
        done = migrate(one, "--tenants", "1,2")
        assert finish(done) == (6, "the gate")
        assert f"stayed shut for 0.2 s: {said}" in done.out
    (one.folder / "tenants.yaml").write_text(text.replace(GATE, "gate-command: ['true']"))
    assert finish(migrate(one, "--tenants", "1,2")) == (0, "")


def test_a_gate_of_two_statements(fleet: MakeFleet) -> None:
    """A second statement could end the transaction that only reads: refused before anything is touched."""
    one = fleet(tenants=IDS[:2], master=MASTER_FILES, settings=GATED.replace("organizations", "a; COMMIT"))
    done = one.run("migrate")
    assert (done.code, one.versions("1")) == (2, [])
    assert done.err.endswith("rollout.stages[0].gate: 2 statements, expected one\n")


def test_the_deadline(fleet: MakeFleet) -> None:
    """Nobody is started who, going by the others, would not finish in time; those that run are finished."""
    one = fleet(tenants=IDS[:4], files={"0000_slow.sql": "SELECT pg_sleep(1);\nCREATE TABLE a (id integer);\n"})
    done = migrate(one, "--deadline", "2s", "--jobs", "1", "--no-verify")
    assert finish(done) == (6, "the deadline")
    assert list(ends(done).values()) == ["applied", "not started", "not started", "not started"]
    assert "it cannot be expected to finish before the deadline" in done.out


KNOWN = "one of 1, 2, 3, 4, 5, 6, 7, 8, ... (12 in all)"
LIMIT = "expected a number of tenants, or a percentage up to 100%, such as 5 or 1%"
WRONG = {
    "nobody": ('[{name: a, match: "*x"}]', "0].match: no tenant matches '*x', expected a pattern for " + KNOWN),
    "label": ('[{name: a, match: "@tier"}]', "0].match: unknown label 'tier', and no tenant has labels"),
    "backwards": ('[{name: a, match: "6-1"}]', "0].match: range '6-1' runs backwards, expected the lower number first"),
    "names": ('[{name: a, match: "1"}, {name: a}]', "1].name: 'a' names two stages, expected one: see line 8"),
    "percent": ('[{name: a, max-failures: "200%"}]', f"0].max-failures: '200%', {LIMIT}"),
    "order": ("[{name: a}, {name: b}]", "0]: no match, expected one: the stage of all others is the last one"),
    "gate": ('[{name: a, gate: SELECT true}]', "0]: gate without master, expected a master to run it on"),
    "command": ('[{name: a, gate-timeout: 1s}]', "0]: no gate, expected gate or gate-command"),
}  # fmt: skip


@pytest.mark.parametrize(("stages", "said"), WRONG.values(), ids=WRONG)
def test_wrong_stages(fleet: MakeFleet, stages: str, said: str) -> None:
    """A mistake in the rollout is named with its place, exit code 2, before anything is touched."""
    one = fleet(tenants=IDS, settings=f"rollout:\n  stages: {stages}\n", created=False)
    done = one.run("migrate")
    message = done.err.splitlines()[0].partition("rollout.stages[")[2]
    assert (done.code, done.out, message) == (2, "", said)
    assert done.err.startswith("error: tenants.yaml:8:")


def test_wrong_options(fleet: MakeFleet) -> None:
    """A stage that is not there, and limits and times that are none, are refused."""
    one = fleet(tenants=IDS, settings=STAGES, created=False)
    said = {
        "--stage canry": "error: --stage: unknown stage 'canry', expected one of canary, early, rest, others",
        "--max-failures 200%": LIMIT,
        "--deadline soon": "'soon', expected a time such as 30s, 10m or 2h",
        "--no-verify": "error: --no-verify: stage 'canary' has verify, expected a proof there",
        "--stage canary --tenants 7": "error: --stage canary: contains none of the selected tenants",
        "--stage canary --no-rollout": "error: --stage canary: there are no stages, expected some under rollout",
    }
    for options, message in said.items():
        done = one.run("migrate", *options.split())
        assert (done.code, done.out, message in done.err) == (2, "", True), done.err


def test_stages_are_logged(fleet: MakeFleet) -> None:
    """Each stage that starts is a line on stderr."""
    one = fleet(tenants=IDS[:3], settings=STAGES, files={"0000_rooms.sql": BAD, "0001_rates.sql": RATES})
    lines = [json.loads(line)["event"] for line in one.run("migrate").err.splitlines()]
    assert [line for line in lines if line.startswith("stage")] == [
        "stage 1: canary: 2 tenants",
        "stage 2: early: 1 tenant",
    ]
