"""The formats of a report by name, and the sinks of a run: each is called with every event, and with nothing else."""

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenantry.model.events import Event
from tenantry.model.tenants import ALL
from tenantry.reports.output import Output

if TYPE_CHECKING:
    from tenantry.reports.log import Talk

Sink = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Call:
    """The command line of this run, so that the commands in a report can be typed exactly as shown.

    `program` is the part before the verb; `again` is the whole command without its tenants and without secrets.
    `selection` is how the tenants were chosen, as it was typed: no command that a report advises is wider than that.
    `options` are those that a command of the same verb repeats, and `servers` those that every command repeats: they
    begin with a blank.
    """

    program: str
    again: str
    selection: str = ALL
    verb: str = ""
    options: str = ""
    servers: str = ""


MakeSink = Callable[[Output, Call], Sink]

# Names of modules rather than modules: only the one that is asked for is imported.
FORMATS: dict[str, str] = {
    "table": "tenantry.reports.table",
    "jsonl": "tenantry.reports.jsonl",
    "plan": "tenantry.reports.plan",
    "sql": "tenantry.reports.sql",
    "github": "tenantry.reports.github",
    "sarif": "tenantry.reports.sarif",
}
_FOLLOWED = frozenset({"jsonl", "github"})


def make_sinks(format_name: str, call: Call, talk: "Talk", *, silent: bool = False) -> tuple[Sink, ...]:
    """Return the sinks of a run: progress and messages on stderr, the format on stdout, unless that is `silent`."""
    from tenantry.reports.log import make_log_sink, make_pace_logger
    from tenantry.reports.progress import make_pace_sink, make_progress_sink

    make: MakeSink = importlib.import_module(FORMATS[format_name]).make_sink
    err = Output(sys.stderr)
    sinks: list[Sink] = [make_log_sink(err, call, talk)]
    # What reads these formats follows the events themselves.
    follows = format_name not in _FOLLOWED and not talk.quiet
    if follows and not err.isatty():
        sinks.append(make_pace_sink(make_pace_logger(err, talk)))
    # Lines of each step would scroll through the block, and already say more than it does.
    elif follows and talk.brief:
        sinks.append(make_progress_sink(err))
    # The report last: with the last event, the block has to be gone before the first line is written.
    return (*sinks,) if silent else (*sinks, make(Output(sys.stdout), call))
