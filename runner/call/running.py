"""The run of a verb: its events to the outputs, and all that it comes to into an exit code.

Loaded only for a run: psycopg, rich and structlog would make --help and completion slow.
"""

import os
import sys
import traceback
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import click

from tenantry.call.called import Called
from tenantry.call.complaints import ERROR, complain, print_error, say
from tenantry.call.garbage import keep_loaded
from tenantry.call.retyping import make_call, repeat_call
from tenantry.fleet.signals import Interrupted, handling_signals
from tenantry.fleet.stop import Stop
from tenantry.ledger.provenance import name_actor
from tenantry.model.errors import Cancelled, ConfigError, Problem, RunError
from tenantry.model.events import Event, LinePrinted, RunFinished
from tenantry.model.masking import mask
from tenantry.model.outcome import Outcome, exit_code
from tenantry.model.words import count
from tenantry.reports.clock import waited_ms
from tenantry.reports.files import WantedReport, open_reports, parse_wanted
from tenantry.reports.formats import Sink, make_sinks
from tenantry.reports.log import Talk, make_pace_logger
from tenantry.reports.output import LOST, Output, hang
from tenantry.verbs.verb import Request, Verb


def run(verb: Verb, options: Mapping[str, Any], context: click.Context, called: Called) -> int:
    """Run a verb to its end and return the exit code."""
    stop, call, outcome = Stop(), make_call(context), Outcome()
    talk = Talk(options["verbose"], options["quiet"], json=options["log_format"] == "json")
    user, tell = name_actor(os.environ), make_pace_logger(Output(sys.stderr), talk)
    run_id, name = str(uuid.uuid4()), context.info_name or ""
    request = Request(name, run_id, user, options, dict(os.environ), stop, called.given, tell)
    with handling_signals(stop, say) as signals:
        try:
            repeated = verb.repeats(request) if verb.repeats else None
            if repeated:
                call = repeat_call(repeated, context)
            wanted = parse_wanted(options.get("reports", ()), verb.formats)
            silent = _takes_stdout(wanted, called)
            sinks = make_sinks(options.get("format", "table"), call, talk, silent=silent)
            # Closed also where an output fails: then no tenant may be begun any more.
            with open_reports(wanted, call) as reports, closing(verb.start(request)) as events:
                keep_loaded()
                for event in events:
                    signals.begun = True
                    outcome.add(event)
                    # Lines that are the output itself, such as SQL, are kept as they are.
                    called.for_people &= not isinstance(event, LinePrinted)
                    _show(event, sinks, reports.sinks, again=repeated is not None)
                lost = reports.finish()
        except RunError as error:
            print_error(error, call, for_people=called.for_people)
            # As where the first Ctrl-C ends a run in order.
            return 130 if isinstance(error, Cancelled) and stop.reason == "SIGINT" else error.exit_code
        except Interrupted as end:
            say(f"{end.name}: ended before the run began: no tenant was changed")
            return exit_code((), end.name)
        except Exception:  # noqa: BLE001
            # The border of the program: a bug outside of any tenant's turn must not look like a finding, exit code 1.
            trace = f"a bug in tenantry, please report this:\n{hang(traceback.format_exc())}"
            complain(trace, for_people=called.for_people)
            return 70
    called.ends = _sum_up(outcome)
    for reason in lost:
        complain(f"{ERROR} {hang(reason)}", for_people=called.for_people)
    return LOST if lost and not outcome.exit_code else outcome.exit_code


def _show(event: Event, sinks: Sequence[Sink], reports: Sequence[Sink], *, again: bool) -> None:
    """Give an event to the outputs, and without the values of rows to the reports. `again`: the run is an earlier one.

    Reports have the time that the journal has, as they may be written again; on stdout it is all that was waited for,
    the start of the program and of a server included.
    """
    timed = replace(event, elapsed_ms=waited_ms()) if isinstance(event, RunFinished) and not again else event
    for sink in sinks:
        sink(timed)
    for sink in reports:
        sink(mask(event))


def _takes_stdout(wanted: Sequence[WantedReport], called: Called) -> bool:
    """Return whether a report takes the place of the format on stdout. Raises ConfigError if both were asked for."""
    first = next((one for one in wanted if one.on_stdout), None)
    if first and "format" in called.given:
        message = f"--report {first.format}=-: together with --format, expected one of them on stdout"
        raise ConfigError((Problem(message, "give the report a file"),))
    called.for_people &= first is None
    return first is not None


def _sum_up(outcome: Outcome) -> str:
    """Return how many tenants ended in which way; empty where none was selected."""
    totals = ", ".join(f"{number} {name}" for name, number in outcome.standings.items())
    return totals and f"{count(len(outcome.tenants), 'tenant')}: {totals}"
