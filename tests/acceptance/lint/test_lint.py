"""`lint`: what it finds in a project's files, in which form, and with which sizes of which databases."""

import json
import re

import jsonschema
import pytest

from tests.acceptance.fix_command import FILES, MASTER_FILES, NOWHERE, Fleet, MakeFleet, read_events, read_report
from tests.places import DATA

INDEX = "CREATE INDEX rooms_name ON rooms (name);\n"
REQUIRED = "ALTER TABLE rooms ALTER COLUMN rate SET NOT NULL;\n"
SCHEMA = json.loads((DATA / "sarif" / "schema-2.1.0.json").read_text("utf-8"))

# It fails where its statements are sent one by one.
ONCE = """\
DO $$
BEGIN
    IF current_query() NOT LIKE '%SELECT' || ' 1%' THEN
        RAISE EXCEPTION 'sent in parts';
    END IF;
END $$;
SELECT 1;
"""


@pytest.fixture
def project(fleet: MakeFleet) -> Fleet:
    """Return a project whose tenants are on a server that is nowhere."""
    one = fleet(tenants=["1", "16"], files={**FILES, "0002_names.sql": f"-- Names.\n{INDEX}"}, created=False)
    text = (one.folder / "tenants.yaml").read_text("utf-8")
    one.configure(text.replace(json.dumps(one.server), NOWHERE))
    return one


def find_hazards(out: str) -> list[tuple[str, int, str]]:
    """Return folder, version and rule of each hazard, from JSON lines."""
    found = [event for event in read_events(out) if event["event"] == "hazard_found"]
    return [(event["tenant"], event["hazard"]["version"], event["hazard"]["rule"]) for event in found]


def test_finding(project: Fleet) -> None:
    """A hazard is shown with its place and the safe form, no tenant's server is asked, and the exit code is 1."""
    done = project.run("lint")
    report = read_report(project, done.out)
    assert done.code == 1
    assert report.rows == [
        {
            "tenant": "migrations/tenant",
            "files": "3: 0000_rooms to 0002_names",
            "danger": "1",
            "caution": "0",
            "allowed": "0",
        }
    ]
    place = "migrations/tenant/0002_names.sql:2:1"
    assert report.text.splitlines() == [
        f"{place}: danger: index: SHARE on rooms: writes wait while the index is built",
        "  1 | -- Names.",
        "  2 | CREATE INDEX rooms_name ON rooms (name);",
        "    | ^",
        "  help: build it in a file of its own, while writes continue:",
        "        -- transactional: false",
        "        CREATE INDEX CONCURRENTLY rooms_name ON rooms (name);",
        "migrations/tenant: finding: 1 danger",
        "1 folder: 1 finding in 0 ms",
    ]


def test_repeatables(project: Fleet) -> None:
    """Repeatables are linted after the migrations, each at its own path, but not if versions are named."""
    (project.folder / "migrations/tenant/repeatable").mkdir()
    project.write("repeatable/view.sql", "CREATE OR REPLACE VIEW names AS SELECT name FROM rooms;\nLOCK rooms;\n")
    project.write("repeatable/index.sql", f"{INDEX.replace('rooms_name', 'IF NOT EXISTS again')}")
    out = project.run("lint", "--format", "jsonl").out
    hazards = [event["hazard"] for event in read_events(out) if event["event"] == "hazard_found"]
    assert [(one["path"].removeprefix("migrations/tenant/"), one["line"], one["rule"]) for one in hazards] == [
        ("0002_names.sql", 2, "index"),
        ("repeatable/index.sql", 1, "index"),
        ("repeatable/view.sql", 2, "lock-table"),
    ]
    assert find_hazards(project.run("lint", "2", "--format", "jsonl").out) == [("migrations/tenant", 2, "index")]


def test_allowed(project: Fleet) -> None:
    """What the header allows is counted, and with --verbose shown with its reason; the exit code is 0."""
    project.write("0002_names.sql", f"-- lint: allow index because there are few rooms\n{INDEX}")
    done = project.run("lint", "--verbose")
    assert (done.code, read_report(project, done.out).column("allowed")) == (0, ["1"])
    lines = [json.loads(line) for line in done.err.splitlines()]
    assert [(line["rule"], line["allowed"]) for line in lines if "allowed" in line] == [
        ("index", "there are few rooms")
    ]


def test_which_files(fleet: MakeFleet) -> None:
    """Files are chosen by version, from one on, and by set; what comes before them is only applied."""
    one = fleet(
        files={**FILES, "0002_names.sql": INDEX, "0003_required.sql": REQUIRED},
        master={**MASTER_FILES, "0002_names.sql": "ALTER TABLE organizations ADD name text;\n"},
        created=False,
    )
    both = [("migrations/tenant", 2, "index"), ("migrations/tenant", 3, "set-not-null")]
    chosen = {
        ("0003_required.sql", "1"): both[1:],
        ("--from", "3"): both[1:],
        ("--set", "master"): [],
        ("--set", "tenant"): both,
    }
    for args, expected in chosen.items():
        assert find_hazards(one.run("lint", *args, "--format", "jsonl").out) == expected, args
    rows = read_report(one, one.run("lint", "2").out).rows
    assert [(row["tenant"], row["files"]) for row in rows] == [
        ("migrations/master", "0002_names"),
        ("migrations/tenant", "0002_names"),
    ]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["9"], "VERSION: there is no migration 9; the newest is 0002_names"),
        (["2_rates"], "VERSION: there is no 0002_rates; version 2 is 0002_names"),
        (["--from", "9"], "--from: there is no migration 9; the newest is 0002_names"),
        (["2", "--from", "1"], "--from together with a VERSION, expected one of them"),
        (["--set", "master"], "tenants.yaml: no master, expected one for its migrations"),
        (["--tenants", ""], "--tenants: empty, expected ids separated by commas, master or all"),
    ],
    ids=["unknown", "other name", "from", "both", "no master", "no tenants"],
)
def test_wrong_input(project: Fleet, args: list[str], message: str) -> None:
    """What is asked for and not there is wrong input: exit code 2, and nothing on stdout."""
    done = project.run("lint", *args)
    assert (done.code, done.out, done.err) == (2, "", f"error: {message}\n")


def test_sizes(fleet: MakeFleet) -> None:
    """With --tenants, a finding says how large its table is where it is largest, as the server writes it."""
    one = fleet(tenants=["1", "16", "17"], files=FILES)
    assert one.run("migrate", "--tenants", "1,16", "--no-verify").code == 0
    one.query("16", "INSERT INTO rooms SELECT id, repeat('x', 100) FROM generate_series(1, 5000) AS id")
    one.query("16", "ANALYZE rooms")
    one.write("0002_names.sql", INDEX)
    ((pretty, size),) = one.query(
        "16", "SELECT pg_size_pretty(pg_total_relation_size('rooms')), pg_total_relation_size('rooms')"
    )
    done = one.run("lint", "2", "--tenants", "all", "--format", "jsonl")
    (found,) = [event for event in read_events(done.out) if event["event"] == "hazard_found"]
    message = f"SHARE on rooms: writes wait while the index is built; rooms: {pretty} on tenant 16"
    assert (done.code, found["hazard"]["message"]) == (1, message)
    assert found["sizes"] == [{"relation": "public.rooms", "tenant": "16", "bytes": size, "rows": 5000}]


def test_unreachable(project: Fleet) -> None:
    """A tenant whose sizes cannot be read is said, with exit code 5, and so is what was found."""
    done = project.run("lint", "--tenants", "1,16")
    report = read_report(project, done.out).text
    assert done.code == 5
    assert "0002_names.sql:2:1: danger: index: SHARE on rooms" in report
    assert "\ntenants 1, 16: unreachable: server 'main': " in report
    assert report.endswith("\n1 folder and 2 tenants: 2 unreachable, 1 finding in 0 ms\n")


def test_nowhere_to_measure(project: Fleet) -> None:
    """Where nothing can be measured, each file has a finding that says why, and what the syntax tells is found too."""
    project.write("0003_required.sql", REQUIRED)
    nowhere = {"TENANTRY_SCRATCH": NOWHERE, "TENANTRY_CACHE": str(project.folder / "kept")}
    done = project.run("lint", env=nowhere)
    said = re.findall(r"(\w+\.sql:\d+:\d+): danger: unmeasured: (.*?: .*?): ", done.out)
    reason = "its locks, rewrites and full scans are unknown: no scratch database to run the files on"
    places = ["0000_rooms.sql:1:1", "0001_rates.sql:1:1", "0002_names.sql:2:1", "0003_required.sql:1:1"]
    assert said == [(place, reason) for place in places]
    assert (done.code, "0002_names.sql:2:1: danger: index" in done.out) == (1, True)


def test_nothing_seen(project: Fleet) -> None:
    """That the syntax tells nothing is no success where nothing was measured."""
    nowhere = {"TENANTRY_SCRATCH": NOWHERE, "TENANTRY_CACHE": str(project.folder / "kept")}
    assert project.run("lint", "1").code == 0
    done = project.run("lint", "1", env=nowhere)
    assert done.code == 1
    assert "0001_rates.sql:1:1: danger: unmeasured: " in done.out
    assert "\nmigrations/tenant: finding: 1 danger\n" in done.out


def test_file_that_runs_as_a_whole_alone(project: Fleet) -> None:
    """A file that cannot be measured statement by statement is named, with the reason: it was not looked at."""
    project.write("0003_once.sql", ONCE)
    done = project.run("lint", "3")
    assert (done.code, read_report(project, done.out).text.splitlines()[0]) == (
        1,
        "migrations/tenant/0003_once.sql:1:1: danger: unmeasured: its locks, rewrites and full scans are unknown: "
        "sent in parts",
    )
    assert project.run("lint", "1").code == 0


def test_file_that_does_not_apply(project: Fleet) -> None:
    """A file that does not apply is a finding with the reason, and so are those after it; those before it count."""
    project.write("0003_x.sql", "ALTER TABLE nowhere ADD COLUMN x text;\n")
    project.write("0004_y.sql", "ALTER TABLE rooms ADD COLUMN y text;\n")
    done = project.run("lint", "--format", "jsonl")
    found = [event["hazard"] for event in read_events(done.out) if event["event"] == "hazard_found"]
    reason = (
        "its locks, rewrites and full scans are unknown: the files do not apply to an empty database: "
        'migrations/tenant/0003_x.sql:1:1: relation "nowhere" does not exist (SQLSTATE 42P01)'
    )
    assert [(hazard["version"], hazard["rule"]) for hazard in found] == [
        (2, "index"),
        (3, "unmeasured"),
        (4, "unmeasured"),
    ]
    assert [hazard["message"] for hazard in found[1:]] == [reason] * 2
    assert done.code == 1


def test_github(project: Fleet) -> None:
    """For GitHub, stdout has one command for each finding, and nothing else."""
    done = project.run("lint", "--format", "github")
    assert (done.code, len(done.out.splitlines())) == (1, 1)
    assert done.out.startswith(
        "::error file=migrations/tenant/0002_names.sql,line=2,col=1,title=index::"
        "SHARE on rooms: writes wait while the index is built%0A"
    )


def test_sarif(project: Fleet) -> None:
    """A log of SARIF is valid, and knows a finding again when its lines have moved and its spaces changed."""
    prints = []
    for text in (INDEX, f"-- Names.\n\n\n{INDEX}", INDEX.replace("ON rooms", "\n  ON rooms")):
        project.write("0002_names.sql", text)
        done = project.run("lint", "--format", "sarif")
        log = json.loads(done.out)
        jsonschema.Draft4Validator(SCHEMA).validate(log)
        (result,) = log["runs"][0]["results"]
        prints.append(result["partialFingerprints"])
    assert prints[0] == prints[1] == prints[2]
    project.write("0002_names.sql", INDEX.replace("(name)", "(rate)"))
    (other,) = json.loads(project.run("lint", "--format", "sarif").out)["runs"][0]["results"]
    assert other["partialFingerprints"] != prints[0]
