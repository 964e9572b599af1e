"""`jsonl`: every event as a line of JSON, for programs. Fields that are left out of the repr are left out here too."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from tenantry.model.effects import LockMode
from tenantry.model.events import Event, RunFinished
from tenantry.model.outcome import Outcome
from tenantry.reports.escaping import escape_json
from tenantry.reports.formats import Call, Sink
from tenantry.reports.output import Output


def make_sink(stream: Output, call: Call) -> Sink:
    """Return a sink that writes a line for each event at once; the last line has totals and the exit code."""
    outcome = Outcome()

    def write(event: Event) -> None:
        outcome.add(event)
        line = {"event": _snake(type(event).__name__), **to_json(event)}
        if isinstance(event, RunFinished):
            totals = {result.value: number for result, number in outcome.totals.items()}
            line |= {"tenants": len(outcome.tenants), "totals": totals, "standings": outcome.standings}
            line |= {"exit_code": outcome.exit_code}
        stream.write_json(escape_json(json.dumps(line, ensure_ascii=False)) + "\n")
        # Whoever reads along sees an event when it happens, and a killed run has said everything up to its end.
        stream.flush()

    return write


def to_json(value: Any) -> Any:
    """Return a value of an event in the types of JSON: dataclasses as objects, times in ISO 8601."""
    if is_dataclass(value):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value) if field.repr}
    if isinstance(value, Mapping):
        return {key: to_json(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(entry) for entry in value]
    if isinstance(value, datetime):
        return value.isoformat()
    # Before Enum: its value is a rank, which means nothing outside this program.
    if isinstance(value, LockMode):
        return value.words
    return value.value if isinstance(value, Enum) else value


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
