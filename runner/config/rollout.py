"""The rollout as the file has it: its stages, checked against each other. Whom they match is not known here."""

from tenantry.config.document import Document, Location
from tenantry.config.model import Mistake
from tenantry.config.schema import StageEntry, TenantsFile
from tenantry.model.rollout import NO_ROLLOUT, Rollout, StageRule

# Arbitrary: longer than a moment, and shorter than anybody forgets a deployment.
_GATE_TIMEOUT_S = 600.0


def make_rollout(document: Document, file: TenantsFile) -> Rollout:
    """Return the rollout, and note its mistakes."""
    if file.rollout is None:
        return NO_ROLLOUT
    stages = file.rollout.stages or []
    seen: dict[str, Location] = {}
    for index, entry in enumerate(stages):
        at: Location = ("rollout", "stages", index)
        first = seen.setdefault(entry.name, at)
        if first != at:
            line = document.line((*first, "name"))
            document.refuse((*at, "name"), Mistake(f"{entry.name!r} names two stages, expected one: see {line}"))
        if entry.match is None and index < len(stages) - 1:
            document.refuse(at, Mistake("no match, expected one: the stage of all others is the last one"))
        _check_gate(document, entry, at, master=file.master is not None)
    return Rollout(file.rollout.max_failures, tuple(_make(document, entry, i) for i, entry in enumerate(stages)))


def _check_gate(document: Document, entry: StageEntry, at: Location, *, master: bool) -> None:
    if entry.gate and entry.gate_command:
        document.refuse((*at, "gate-command"), Mistake("both gate and gate-command, expected one of them"), key=True)
    if entry.gate and not master:
        document.refuse((*at, "gate"), Mistake("gate without master, expected a master to run it on"), key=True)
    if entry.gate_timeout and not (entry.gate or entry.gate_command):
        document.refuse((*at, "gate-timeout"), Mistake("no gate, expected gate or gate-command"), key=True)


def _make(document: Document, entry: StageEntry, index: int) -> StageRule:
    def locate(key: str) -> str:
        return f"{document.at(('rollout', 'stages', index, key))}: rollout.stages[{index}].{key}"

    return StageRule(
        name=entry.name,
        match=entry.match or "",
        at=locate("match"),
        limit=entry.max_failures,
        verify=entry.verify,
        pause_s=entry.pause or 0,
        gate=entry.gate or "",
        gate_at=locate("gate" if entry.gate else "gate-command"),
        gate_command=tuple(entry.gate_command or ()),
        gate_timeout_s=entry.gate_timeout or _GATE_TIMEOUT_S,
        jobs=entry.jobs,
    )
