"""`sarif`: a log that the official schema takes, with rules, places, fingerprints and suppressions."""

import json
from collections.abc import Iterable
from typing import Any

import jsonschema
import pytest

from tenantry.lint.ruleset import RULES
from tenantry.model.errors import Problem
from tenantry.model.events import Event, TenantFinished, TenantStarted, Verdict, WarningRaised
from tenantry.model.hazards import Level
from tenantry.model.results import Result
from tenantry.reports.sarif import make_sink
from tests.places import DATA
from tests.unit.reports.hazards import hazard
from tests.unit.reports.story import render, run_on, tell

SCHEMA = json.loads((DATA / "sarif" / "schema-2.1.0.json").read_text("utf-8"))
FOLDER = "migrations/tenant"


def write(*events: Event) -> dict[str, Any]:
    """Return the one run of the log for these events of a folder that is linted; the schema takes the log."""
    return read(run_on((FOLDER, "7"), TenantStarted(FOLDER), *events, verb="lint"))


def read(events: Iterable[Event]) -> dict[str, Any]:
    log = json.loads(render(make_sink, events))
    jsonschema.Draft4Validator(SCHEMA).validate(log)
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    run: dict[str, Any] = log["runs"][0]
    return run


def test_any_run() -> None:
    """The log of a run is valid whatever happened in it."""
    assert read(tell())["results"] == []


def test_danger() -> None:
    """A danger is an error at its place, known again by its statement."""
    (result,) = write(hazard())["results"]
    index = result.pop("ruleIndex")
    assert write(hazard())["tool"]["driver"]["rules"][index]["id"] == "table-rewrite"
    assert result == {
        "ruleId": "table-rewrite",
        "level": "error",
        "message": {
            "text": "ACCESS EXCLUSIVE on rooms: reads and writes wait\nadd a new column instead:\n"
            "ALTER TABLE rooms ADD COLUMN rate_new bigint;"
        },
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "migrations/tenant/0002_rates.sql"},
                    "region": {"startLine": 2, "startColumn": 1},
                }
            }
        ],
        "partialFingerprints": {"statement/v1": "5f"},
    }


def test_caution() -> None:
    """A caution is a warning."""
    assert [result["level"] for result in write(hazard(level=Level.CAUTION))["results"]] == ["warning"]


def test_allowed() -> None:
    """What a header allows is a result that is suppressed, with the reason that the header gives."""
    results = write(hazard(), hazard("nobody books at night"))["results"]
    suppressed = [{"kind": "inSource", "justification": "nobody books at night"}]
    assert [result.get("suppressions") for result in results] == [None, suppressed]


def test_rules() -> None:
    """Every rule is told, found or not, with its level."""
    rules = write(hazard(rule="drop", level=Level.CAUTION), hazard(rule="drop"))["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(RULES)
    levels = {name: "error" if rule.level is Level.DANGER else "warning" for name, rule in RULES.items()}
    assert {rule["id"]: rule["defaultConfiguration"]["level"] for rule in rules} == levels


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("migrations/tenant/0002_rates.sql", "migrations/tenant/0002_rates.sql"),
        ("my files/100%/0002_rates.sql", "my%20files/100%25/0002_rates.sql"),
        ("/srv/my files/0002_rates.sql", "file:///srv/my%20files/0002_rates.sql"),
    ],
    ids=["relative", "with signs", "absolute"],
)
def test_path(path: str, uri: str) -> None:
    """A file is named by a URI: relative where its path is."""
    (result,) = write(hazard(path=path))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": uri}


def test_trouble() -> None:
    """A warning and a tenant that cannot be read are told with the run, which then did not succeed."""
    run = write(
        WarningRaised("", Problem("nothing was measured")),
        TenantFinished("7", Verdict(Result.UNREACHABLE, "connection refused"), 3),
        TenantFinished(FOLDER, Verdict(Result.FINDING, "1 danger"), 3),
    )
    assert run["invocations"] == [
        {
            "executionSuccessful": False,
            "exitCode": 5,
            "toolExecutionNotifications": [
                {"level": "warning", "message": {"text": "nothing was measured"}},
                {"level": "error", "message": {"text": "tenant 7: unreachable: connection refused"}},
            ],
        }
    ]


def test_schema_refuses() -> None:
    """The schema refuses a log in which a level is none of its own."""
    log = json.loads(render(make_sink, run_on(("1",), hazard())))
    log["runs"][0]["results"][0]["level"] = "danger"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(SCHEMA).validate(log)
