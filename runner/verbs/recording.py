"""The journal of a run: what its header says, written as the run goes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tenantry.fleet.journal.form import JournalHeader
from tenantry.fleet.journal.reading import find_runs
from tenantry.fleet.journal.writing import write_journal
from tenantry.project import DEFAULT_JOBS, DEFAULT_LOCK_WAIT_S, Project
from tenantry.verbs.verb import Events


@dataclass(frozen=True, slots=True)
class Record:
    """What a journal says of a run besides its project.

    `options` are those of the verb that differ from the default, by the name of their parameter. For a run that resumes
    another, `resumes` is the id of that one and `selection` the way in which its tenants were chosen.
    """

    options: Mapping[str, Any]
    resumes: str = ""
    selection: str = ""


def record_run(project: Project, verb: str, record: Record, events: Events) -> Events:
    """Yield the events of a run, each after it was written to the run's journal."""
    runs = find_runs(project.config)
    header = JournalHeader(
        run_id=project.provenance.run_id,
        verb=verb,
        started_at=datetime.now(UTC),
        project=runs.project,
        selection=record.selection or project.choice.selection.text,
        tenants=tuple(tenant.name for tenant in project.tenants),
        files=project.marks(),
        user=project.provenance.os_user,
        tool_version=project.provenance.tool_version,
        options=choose_given({**record.options, **_list_everywhere(project)}),
        servers=tuple(project.choice.servers or ()),
        resumes=record.resumes,
    )
    return write_journal(runs.folder, runs.shown, header, events)


def choose_given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that differ from the default of those that have none."""
    # By identity, since 0 equals False: `--to 0` is a limit, and a run that is resumed without it applies every file.
    return {
        name: value
        for name, value in options.items()
        if value is not None and value is not False and value not in ((), [], "")
    }


def _list_everywhere(project: Project) -> dict[str, Any]:
    """Return the options that many verbs have, where they differ from their defaults."""
    choice = project.choice
    return {
        "jobs": choice.jobs if choice.jobs != DEFAULT_JOBS else None,
        "lock_wait": choice.lock_wait_s if choice.lock_wait_s != DEFAULT_LOCK_WAIT_S else None,
        "create": choice.create,
        "shard": str(choice.selection.shard or ""),
    }
