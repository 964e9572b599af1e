"""`jsonl`: every event as a line of JSON, for programs. Fields that are left out of the repr are left out here too."""

import json

from tenantry.model.codec import encode_event
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
        line = encode_event(event)
        if isinstance(event, RunFinished):
            totals = {result.value: number for result, number in outcome.totals.items()}
            line |= {"tenants": len(outcome.tenants), "totals": totals, "standings": outcome.standings}
            line |= {"exit_code": outcome.exit_code}
        stream.write_json(escape_json(json.dumps(line, ensure_ascii=False)) + "\n")
        # Whoever reads along sees an event when it happens, and a killed run has said everything up to its end.
        stream.flush()

    return write
