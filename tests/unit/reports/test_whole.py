"""Whole reports: their readers take them, and find in them what happened."""

import importlib
import json
from collections.abc import Iterable
from dataclasses import replace
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import xmlschema
from prometheus_client.parser import text_string_to_metric_families

from tenantry.model.errors import Problem
from tenantry.model.events import Event, RowReported, TenantFinished, TenantStarted, Verdict, WarningRaised
from tenantry.model.outcome import Outcome
from tenantry.model.results import Result
from tenantry.reports.files import WHOLE
from tenantry.reports.markdown import MARKER
from tenantry.reports.summary import RunSummary
from tests.builders import NOON
from tests.places import DATA, ROOT
from tests.unit.reports.fleet import tell_fleet
from tests.unit.reports.hazards import MEASURED, hazard
from tests.unit.reports.story import CALL, end, run_on, tell, tell_plan
from tests.unit.reports.test_hostile import story as tell_hostile

SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text("utf-8"))
JUNIT = xmlschema.XMLSchema(DATA / "junit" / "schema-10.xsd")
FOLDER = "migrations/tenant"
HAZARDS = (hazard(), hazard("nobody books at night", rule="table-lock"))
LINT = run_on((FOLDER,), TenantStarted(FOLDER), *HAZARDS, end(FOLDER, Result.FINDING), verb="lint")
RUNS: dict[str, list[Event]] = {
    "migrate": tell(),
    "plan": [*tell_plan()[:-1], MEASURED, *tell_plan()[-1:]],
    "fleet": list(tell_fleet(200)),
    "lint": LINT,
    "hostile": tell_hostile(),
    "nobody": run_on((), verb="status"),
}


def compose(name: str, events: Iterable[Event], before: str = "") -> str:
    """Return the report of a run."""
    summary = RunSummary()
    for event in events:
        summary.add(event)
    text: str = importlib.import_module(WHOLE[name]).compose(summary, CALL, before)
    return text


@pytest.mark.parametrize("events", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("name", WHOLE)
def test_any_run(name: str, events: list[Event]) -> None:
    """Every run has every report, which ends with a line end."""
    assert compose(name, events).endswith("\n")


@pytest.mark.parametrize("events", RUNS.values(), ids=RUNS)
def test_json_fits_its_schema(events: list[Event]) -> None:
    """The document is what its schema says, and the schema requires every key that it has."""
    if events is RUNS["hostile"]:
        pytest.skip("its states are no states")
    validator = jsonschema.Draft202012Validator(SCHEMA)
    document = json.loads(compose("json", events))
    validator.validate(document)
    assert set(document) == set(SCHEMA["required"])
    for tenant in document["tenants"]:
        assert set(tenant) == set(SCHEMA["$defs"]["tenant"]["required"])
    outcome = Outcome()
    for event in events:
        outcome.add(event)
    assert document["run"]["exit_code"] == outcome.exit_code
    assert sum(document["totals"].values()) == len(document["tenants"])


def test_json_evidence() -> None:
    """Tenants stand by number, labels are an object, and the proof has all that it rests on."""
    tenants = json.loads(compose("json", RUNS["fleet"]))["tenants"]
    assert [tenant["id"] for tenant in tenants[:11]] == [str(number) for number in range(1, 12)]
    assert tenants[10]["labels"] == {"tier": "internal"}
    assert (tenants[0]["server"], tenants[0]["database"]) == ("eu1", "tenant_1")
    assert tenants[0]["proof"] == {
        "version": "0040_rates",
        "expected": "ab" * 32,
        "fingerprint": "cd" * 32,
        "token": "17-1-42",
        "proven_at": NOON.isoformat(),
    }
    failed = next(tenant for tenant in tenants if tenant["result"] == "failed")
    assert (failed["proof"], failed["behind"], failed["failure"]["line"]) == (None, 2, 2)
    assert failed["open"] == [{"file": "0039_bookings", "state": "failed"}, {"file": "0040_rates", "state": "pending"}]


def read_cases(text: str) -> dict[str, tuple[str, str]]:
    """Return tag and message of what each case has, empty where it passed; the schema takes the document."""
    JUNIT.validate(text)
    found = {}
    for case in ET.fromstring(text).iter("testcase"):  # noqa: S314  # our own document
        ends = [child for child in case if child.tag in ("failure", "error", "skipped")]
        ended = (ends[0].tag, ends[0].get("message", "")) if ends else ("", "")
        found[f"{case.get('classname')} {case.get('name')}"] = ended
    return found


@pytest.mark.parametrize("events", RUNS.values(), ids=RUNS)
def test_junit_fits_the_schema(events: list[Event]) -> None:
    """Jenkins takes the results, and a run passes if and only if all of its tests do."""
    text = compose("junit", events)
    cases = read_cases(text)
    outcome = Outcome()
    for event in events:
        outcome.add(event)
    failed = [tag for tag, _ in cases.values() if tag in ("failure", "error")]
    assert bool(failed) == bool(outcome.exit_code)
    root = ET.fromstring(text)  # noqa: S314
    assert int(root.get("failures", "")) + int(root.get("errors", "")) == len(failed)


def test_junit_cases() -> None:
    """Each tenant is a case, and so is each file that it got, that failed there, or that it lacks."""
    cases = read_cases(compose("junit", RUNS["migrate"]))
    assert cases["tenantry.migrate.1 0001_rooms"] == ("", "")
    message = 'column "hourly_rate" of relation "rooms" contains null values'
    assert cases["tenantry.migrate.3 0002_rates"] == ("failure", message)
    assert cases["tenantry.migrate.3 0003_room_names"] == ("skipped", "pending")
    assert cases["tenantry.migrate.7 tenant"] == ("error", "not started: SIGTERM")
    linted = read_cases(compose("junit", LINT))
    assert [tag for tag, _ in linted.values()] == ["failure", "skipped", "failure"]


def read_metrics(text: str) -> dict[tuple[str, ...], float]:
    """Return the samples by name and the values of their labels, without the verb."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge"
        for sample in family.samples:
            labels = {key: value for key, value in sample.labels.items() if key != "verb"}
            found[sample.name, *labels.values()] = sample.value
    return found


@pytest.mark.parametrize("events", RUNS.values(), ids=RUNS)
def test_prometheus_is_read(events: list[Event]) -> None:
    """Prometheus's own parser takes the metrics; all tenants are counted."""
    metrics = read_metrics(compose("prometheus", events))
    outcome = Outcome()
    for event in events:
        outcome.add(event)
    assert sum(value for key, value in metrics.items() if key[0] == "tenantry_tenants") == len(outcome.tenants)
    assert metrics["tenantry_run_exit_code",] == outcome.exit_code


def test_prometheus_values() -> None:
    """The state of each tenant is there; for one that could not be read, its versions are not."""
    metrics = read_metrics(compose("prometheus", RUNS["migrate"]))
    assert metrics["tenantry_tenant_versions_behind", "3"] == 2
    assert metrics["tenantry_tenant_versions_behind", "1"] == 0
    assert ("tenantry_tenant_versions_behind", "5") not in metrics
    assert (metrics["tenantry_tenant_ended_well", "1"], metrics["tenantry_tenant_ended_well", "5"]) == (1, 0)
    assert metrics["tenantry_tenants", "failed"] == 1
    assert metrics["tenantry_tenant_duration_seconds", "1"] == 1.234


def test_prometheus_keeps_the_last_success() -> None:
    """The time of the last success is that of this run, or else the one that the file before had."""
    key = ("tenantry_last_success_timestamp_seconds",)
    good = [*list(tell_fleet(5))[:-1], RUNS["fleet"][-1]]
    success = compose("prometheus", good)
    assert read_metrics(success)[key] == NOON.timestamp() + good[-1].elapsed_ms / 1000  # type: ignore[union-attr]
    assert key not in read_metrics(compose("prometheus", RUNS["migrate"]))
    kept = read_metrics(compose("prometheus", RUNS["migrate"], success))
    assert kept[key] == read_metrics(success)[key]
    # That of another verb is not its own.
    assert key not in read_metrics(compose("prometheus", RUNS["plan"], success))
    assert key not in read_metrics(compose("prometheus", RUNS["migrate"], success.replace("1772", "1772.x")))


def test_markdown_marker() -> None:
    """The first line is a comment by which a script finds its own comment again; each verb has its own."""
    assert compose("markdown", RUNS["plan"]).splitlines()[0] == MARKER.format(verb="plan") == "<!-- tenantry plan -->"


def test_markdown_means_no_markup() -> None:
    """A name or a message is text: it calls nobody, links to nothing, and ends no cell, fence or element."""
    evil = "</script> @ann #7 | [x](https://evil) `a` <img src=x> www.evil.example ![i](u) *b* _c_ snake_case"
    events = run_on(
        ("7", "8"),
        TenantStarted("7"),
        TenantFinished("7", Verdict(Result.FAILED, evil), 5),
        RowReported("7", {"name": evil}),
        WarningRaised("", Problem(evil)),
        end("8", Result.OK),
    )
    text = compose("markdown", events).partition("\n")[2]
    for sign in ("</script", "@ann", "#7", "[x", "https://", "`a`", "<img", "www.", "*b*", "_c_"):
        assert sign not in text, sign
    assert "snake_case" in text


def test_markdown_fences() -> None:
    """Source text ends no fence early, however many backticks are in it."""
    found = replace(hazard(), excerpt="````\n# boo\n````")
    events = run_on((FOLDER,), TenantStarted(FOLDER), found, end(FOLDER, Result.FINDING))
    assert "`````\n````\n# boo\n````\n`````\n" in compose("markdown", events)


@pytest.mark.parametrize("lines", [1, 20_000], ids=["whole", "cut"])
def test_markdown_fences_are_closed(lines: int) -> None:
    """A fence is closed once, by its own number of backticks, whatever fences are within it, cut or not."""
    found = replace(hazard(), excerpt="```sql\n" + "x\n" * 3 * lines)
    events = run_on((FOLDER,), TenantStarted(FOLDER), found, end(FOLDER, Result.FINDING))
    fences = [line for line in compose("markdown", events).splitlines() if line.startswith("````")]
    assert fences == ["````"] * 2
    assert not compose("markdown", events).endswith("\n```\n")


def test_markdown_fits_a_comment() -> None:
    """A comment is never longer than GitHub takes, and says where the rest is."""
    names = [str(number) for number in range(2000)]
    ends = [TenantFinished(name, Verdict(Result.FAILED, f"reason {name} {'x' * 100}"), 5) for name in names]
    text = compose("markdown", run_on(names, *(TenantStarted(name) for name in names), *ends))
    assert len(text) < 65_536
    assert text.endswith("The rest is too long for a comment: see the log of the job.\n")
