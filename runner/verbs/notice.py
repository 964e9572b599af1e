"""The notification at the end of a run that writes: a command and an address are told how it ended.

Nothing about it changes the result: a failure is a warning, and whatever takes too long is given up.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tenantry.config.dsn import expand_text
from tenantry.config.model import Notify
from tenantry.model.errors import Problem
from tenantry.model.events import RunFinished, WarningRaised
from tenantry.model.outcome import Outcome
from tenantry.model.results import GOOD
from tenantry.model.words import count, describe_os_error
from tenantry.project import Project
from tenantry.verbs.verb import Events
from tenantry.version import __version__

# Raised if a key changes its meaning or goes; keys may be added.
_FORMAT = 1
# Arbitrary: as many as a message can name.
_MOST_NAMED = 100
_POSTING = Path(__file__).with_name("posting.py")


def notify_at_end(project: Project, notify: Notify, events: Events) -> Events:
    """Yield the events of a run; before the last one, whoever is to be told is told."""
    outcome = Outcome()
    with closing(events):
        for event in events:
            outcome.add(event)
            if isinstance(event, RunFinished) and not (notify.failures_only and outcome.exit_code == 0):
                yield from _notify(project, notify, json.dumps(make_notice(outcome)))
            yield event


def make_notice(outcome: Outcome) -> dict[str, Any]:
    """Return what is told of a run. `text` is for chats, which show it and ignore the rest."""
    totals = ", ".join(f"{number} {word}" for word, number in outcome.standings.items())
    ended = f", ended by {outcome.stopped_by}" if outcome.stopped_by else ""
    bad = [
        {"id": name, "result": tenant.verdict.result.value, "reason": tenant.verdict.reason}
        for name, tenant in outcome.tenants.items()
        if tenant.verdict and tenant.verdict.result not in GOOD
    ]
    return {
        "format": _FORMAT,
        "text": f"tenantry {outcome.verb}: {count(len(outcome.tenants), 'tenant')}: {totals}{ended}",
        "version": __version__,
        "run_id": outcome.run_id,
        "verb": outcome.verb,
        "exit_code": outcome.exit_code,
        "elapsed_ms": outcome.elapsed_ms,
        "stopped_by": outcome.stopped_by,
        "tenants": len(outcome.tenants),
        "totals": {result.value: number for result, number in outcome.totals.items()},
        "not_well": bad[:_MOST_NAMED],
        "not_well_total": len(bad),
    }


def _notify(project: Project, notify: Notify, body: str) -> Iterator[WarningRaised]:
    failures = {}
    if notify.command:
        failures["command"] = _run(notify.command, body, project, notify.timeout_s)
    if notify.url:
        failures["url"] = _post(notify.url, body, project, notify.timeout_s)
    for key, failure in failures.items():
        if failure:
            yield WarningRaised("", Problem(f"notify.{key}: {failure}: the result of the run stays the same"))


def _post(template: str, body: str, project: Project, timeout_s: float) -> str:
    url = expand_text(template, project.choice.environment)
    if url is None:
        return f"{template} not set, expected a value in the environment"
    # By standard input: other users of the machine see arguments, and the address may hold a secret.
    order = json.dumps({"url": url, "body": body})
    return _run((sys.executable, "-I", str(_POSTING)), order, project, timeout_s, says=True)


def _run(command: Sequence[str], text: str, project: Project, timeout_s: float, *, says: bool = False) -> str:
    """Run a command with a text on its standard input; return why it failed, in its own words if it `says`."""
    environment: Mapping[str, str] = project.choice.environment
    try:
        done = subprocess.run(
            command,
            cwd=project.config.root,
            env=dict(environment),
            input=text.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if says else subprocess.DEVNULL,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done within {timeout_s:g} s, given up"
    except OSError as error:
        return f"{command[0]} could not be run: {describe_os_error(error)}"
    if done.returncode == 0:
        return ""
    said = done.stderr.decode(errors="replace").strip() if says else ""
    # Of our own program, a traceback would say no more than that it failed.
    return said if said and "\n" not in said else f"ended with exit code {done.returncode}"
