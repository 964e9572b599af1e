"""Events to JSON and back."""

import json
from typing import Any, get_args

import pytest

from tenantry.model.codec import decode_event, encode_event
from tenantry.model.events import Event, TenantFinished, Verdict
from tenantry.model.results import Result
from tests.unit.reports.story import tell, tell_plan
from tests.unit.reports.test_jsonl import OTHERS

EVENTS: list[Event] = [*tell(), *tell_plan(), *OTHERS]


def read_back(line: dict[str, Any]) -> Event:
    """Return the event of a line that went through a file."""
    return decode_event(json.loads(json.dumps(line)))


def test_round_trip() -> None:
    """Every kind of event is read back as it was written."""
    assert {type(event) for event in EVENTS} == set(get_args(Event))
    for event in EVENTS:
        line = encode_event(event)
        assert encode_event(read_back(line)) == line
        assert type(read_back(line)) is type(event)


def test_without_defaults() -> None:
    """A key that is missing has its default, and one that is unknown is ignored: lines of other versions are read."""
    line = {"event": "tenant_finished", "tenant": "7", "verdict": {"result": "applied"}, "elapsed_ms": 5, "new": 1}
    assert read_back(line) == TenantFinished("7", Verdict(Result.APPLIED), 5)


BAD: dict[str, dict[str, Any]] = {
    "no event": {"tenant": "7"},
    "unknown event": {"event": "tenant_vanished", "tenant": "7"},
    "missing": {"event": "tenant_started"},
    "number": {"event": "tenant_started", "tenant": 7},
    "truth": {"event": "lock_awaited", "tenant": "7", "waited_ms": True},
    "list": {"event": "run_started", "verb": "migrate", "run_id": "", "tenants": "7"},
    "object": {"event": "tenant_finished", "tenant": "7", "verdict": "applied", "elapsed_ms": 5},
    "word": {"event": "tenant_finished", "tenant": "7", "verdict": {"result": "fine"}, "elapsed_ms": 5},
}


@pytest.mark.parametrize("line", BAD.values(), ids=BAD)
def test_refused(line: dict[str, Any]) -> None:
    """A line that no event wrote is refused."""
    with pytest.raises(ValueError):  # the journal says which line it is
        decode_event(line)
