"""The verbs, one module each: its arguments and what it does for one tenant.

A verb is added by its module and its line in `VERBS`; the command line, the outputs and the fleet stay as they are.
"""

import importlib
import keyword
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Loaded by the command line where it is needed: the list of verbs alone must cost nothing.
    import click

    from tenantry.fleet.stop import Stop
    from tenantry.model.events import Event

Events = Generator["Event", None, None]

# In the order of help, each group with the time at which its verbs are needed.
GROUPS: dict[str, dict[str, str]] = {
    "Every day": {
        "migrate": "Apply pending files to every selected tenant.",
        "status": "Show each tenant's version and pending files.",
        "plan": "Show the files that each tenant would get.",
        "new": "Create an empty migration file with the next number.",
        "log": "Show every attempt, failure and manual change.",
        "runs": "List the runs that wrote, show one again, or check one.",
    },
    "Before a commit": {
        "lint": "Find statements that would block or break a live database.",
        "check": "Test the migration files themselves, before a commit.",
        "draft": "Write the next migration from a target schema.",
        "dump": "Write the schema that the files produce.",
    },
    "The fleet": {
        "verify": "Prove that every tenant's record and schema match the files.",
        "drift": "Compare schemas with the files, a tenant, a file or the majority.",
        "worker": "Work on tenants for runs that other hosts start.",
        "tenants": "List the tenants of tenants.yaml and try each connection.",
    },
    "Starting and taking over": {
        "init": "Create a project: tenants.yaml, folders and a first migration.",
        "adopt": "Take over databases that have no record of migrations.",
        "import": "Take over the records or files of another tool.",
    },
    "By hand": {
        "accept": "Record the current text of an edited file.",
        "mark": "Record a version as applied without running it.",
        "forget": "Delete the record of a version.",
        "rollback": "Undo the newest version with its rollback file.",
    },
    "The server and the shell": {
        "db": "Start, stop, open or destroy the embedded server.",
        "completion": "Print the script that completes commands in a shell.",
    },
}
VERBS: dict[str, str] = {name: text for verbs in GROUPS.values() for name, text in verbs.items()}

# The words of other tools, each with the command that does the same here.
MEANT: dict[str, str] = {
    **dict.fromkeys(("up", "apply", "deploy", "upgrade", "update", "run", "push"), "tenantry migrate"),
    **dict.fromkeys(("down", "revert", "undo", "downgrade"), "tenantry rollback"),
    **dict.fromkeys(("ls", "list", "info", "version", "current"), "tenantry status"),
    **dict.fromkeys(("create", "generate", "add", "make", "revision"), "tenantry new"),
    **dict.fromkeys(("history", "audit"), "tenantry log"),
    **dict.fromkeys(("validate", "prove"), "tenantry verify"),
    **dict.fromkeys(("diff", "compare"), "tenantry drift"),
    **dict.fromkeys(("schema", "structure"), "tenantry dump"),
    **dict.fromkeys(("baseline", "introspect", "pull"), "tenantry adopt"),
    **dict.fromkeys(("stamp", "fake", "resolve"), "tenantry mark"),
    **dict.fromkeys(("psql", "console", "shell"), "tenantry db psql"),
    "repair": "tenantry accept",
    "help": "tenantry --help",
    "start": "tenantry db start",
    "stop": "tenantry db stop",
    "test": "tenantry check",
    "resume": "tenantry migrate --resume",
    "ping": "tenantry tenants",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a verb: its options by name, and what every verb gets. `given` are those that were typed.

    `tell` is called with progress that comes before the first event, and its values for programs.
    """

    verb: str
    run_id: str
    os_user: str
    options: Mapping[str, Any]
    environment: Mapping[str, str]
    stop: "Stop"
    given: frozenset[str] = frozenset()
    tell: "Callable[[str, dict[str, Any]], None]" = lambda _line, _values: None


@dataclass(frozen=True, slots=True)
class Repeated:
    """An earlier command that this one repeats, or whose report it shows: the next commands follow from that one.

    `options` are by the name of the parameter, `selection` is as it is typed, `servers` are by name: their connection
    strings are not known.
    """

    verb: str
    options: Mapping[str, Any]
    selection: str
    servers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verb:
    """What a verb module exports as `VERB`. `start` yields the events of the run; it may raise RunError at once.

    `formats` are the outputs that make sense for it, the first one by default. `repeats` returns the earlier command
    that a request is about, if it is about one; it raises RunError too.
    `reports`: it tells of tenants or of their files, so that `--report` makes sense.
    """

    help: str
    params: "tuple[click.Parameter, ...]"
    start: "Callable[[Request], Events]"
    formats: tuple[str, ...] = field(default=("table", "jsonl"))
    repeats: "Callable[[Request], Repeated | None] | None" = None
    reports: bool = True


def load_verb(name: str) -> Verb:
    """Import the module of a verb and return what it exports."""
    module = f"{name}_" if keyword.iskeyword(name) else name
    verb: Verb = importlib.import_module(f"tenantry.verbs.{module}").VERB
    return verb
