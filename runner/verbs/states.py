"""Tenants that were chosen by the state in which their last run left them: whether their ledgers still say the same.

A journal tells what was; meanwhile somebody else may have migrated them, or they may have left tenants.yaml.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing

from tenantry.fleet.journal.reading import find_runs
from tenantry.fleet.states import read_state
from tenantry.fleet.terms import InState
from tenantry.model import State
from tenantry.model.errors import Problem
from tenantry.model.events import RunFinished, TenantCompared, WarningRaised
from tenantry.model.words import count
from tenantry.project import Project
from tenantry.verbs.verb import Events

# A ledger knows nothing of proofs.
_BY_LEDGER = ("behind", "failed", "blocked")
# Arbitrary: as many names as fit on a line.
_FIRST = 8


def check_states(project: Project, events: Events) -> Events:
    """Return the events of a run, and before its end warnings about tenants that are not in their states any more."""
    # Now, before the journal of this run is one of them.
    chosen = _read_chosen(project)
    return _check(project, chosen, events) if chosen else events


def _check(project: Project, chosen: Mapping[str, Collection[str]], events: Events) -> Events:
    # By tenant, from the first look at its ledger: afterwards, this run may have changed it.
    done: dict[str, bool] = {}
    with closing(events):
        for event in events:
            if isinstance(event, TenantCompared) and event.statuses:
                done.setdefault(event.tenant, all(status.state is State.APPLIED for status in event.statuses))
            if isinstance(event, RunFinished):
                yield from _warn(project, chosen, done)
            yield event


def _read_chosen(project: Project) -> Mapping[str, Collection[str]]:
    """Return the tenants in each state that the selection names, as the journals of earlier runs have them."""
    terms = project.choice.selection.terms
    states = [term.atom.state for term in terms if isinstance(term.atom, InState) and not term.excluded]
    runs = find_runs(project.config)
    return {state: read_state(runs, state) or () for state in states}


def _warn(project: Project, chosen: Mapping[str, Collection[str]], done: Mapping[str, bool]) -> Iterator[WarningRaised]:
    known = {tenant.name for tenant in (*project.known, project.config.master) if tenant}
    for state, names in chosen.items():
        if gone := [name for name in names if name not in known]:
            message = f"--tenants {state}: {_list(gone)} from the last run, no longer in tenants.yaml"
            yield WarningRaised("", Problem(message))
        if state in _BY_LEDGER and (over := [name for name in names if done.get(name)]):
            message = f"--tenants {state}: {_list(over)} from the last run, with nothing left to apply"
            yield WarningRaised("", Problem(message))


def _list(names: list[str]) -> str:
    shown = ", ".join(sorted(names)[:_FIRST]) + (", ..." if len(names) > _FIRST else "")
    return f"{count(len(names), 'tenant')} ({shown})"
