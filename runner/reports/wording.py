"""Wording that several reports share."""

import re
from collections.abc import Iterable, Iterator, Sequence

from tenantry.model.tenants import MASTER, SINGLE
from tenantry.model.words import count
from tenantry.reports.formats import Call

# Only a quoted command: the name of the program may also stand in a sentence, and must stay as it is there.
_COMMAND = re.compile(r'"tenantry (?P<verb>[a-z-]+)(?P<rest>[^"]*)')

# As selections read a range: without zeros in front.
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
_SHORTEST_RUN = 3
# Arbitrary: the ids and ranges that a person still types or copies.
_MOST_TYPED = 20

# Databases that are no tenants to a reader, where they are alone.
_ALONE = ([MASTER], [SINGLE])


def render_hint(hint: str, call: Call) -> str:
    """Return a hint with its commands as they can be typed here, on the same servers.

    A command of the verb that is running repeats its options, so that it does no more than was asked for.
    """

    def render(found: re.Match[str]) -> str:
        verb, rest = found["verb"], found["rest"]
        options = call.options if verb == call.verb else ""
        # A command that names no tenants is about files, or about the embedded server.
        servers = call.servers if "--tenants" in rest else ""
        return f'"{call.program} {verb}{options}{servers}{rest}'

    # A function, since a backslash in a path would be an escape in a replacement string.
    return _COMMAND.sub(render, hint)


def render_shared_hint(hint: str, names: Sequence[str], call: Call) -> str:
    """Return a hint, written for the first of `names`, for all of them."""
    return render_hint(for_tenants(hint, names[0], type_tenants(names, call)), call)


def type_tenants(names: Sequence[str], call: Call) -> str:
    """Return tenants as they are typed after --tenants; all that were chosen if these are too many to type."""
    words = list(names if len(names) <= _MOST_TYPED else _name_runs(names))
    return ",".join(words) if len(words) <= _MOST_TYPED else call.selection


def _name_runs(names: Sequence[str]) -> Iterator[str]:
    """Yield names, three and more consecutive numbers as a range: no other tenant can be in it."""
    runs: list[list[str]] = []
    for name in names:
        if runs and _NUMBER.fullmatch(name) and _NUMBER.fullmatch(runs[-1][-1]) and int(name) == int(runs[-1][-1]) + 1:
            runs[-1].append(name)
        else:
            runs.append([name])
    for run in runs:
        yield from run if len(run) < _SHORTEST_RUN else [f"{run[0]}-{run[-1]}"]


def for_tenants(hint: str, name: str, others: str) -> str:
    """Return a hint, written for one tenant, with others in its commands."""
    # The name has to end there: a hint for tenant 1 must not become one for tenant 16. Where a file is resumed is
    # decided for one tenant at a time.
    return re.sub(rf'--tenants {re.escape(name)}(?=[ "])(?! --resume-at)', f"--tenants {others}", hint)


def without_tenant(hint: str, name: str) -> str:
    """Return a hint, written for one tenant, without it: the same for all tenants that share the hint.

    A command with `--tenants=NAME` takes one tenant, so that any of those that share it will do.
    """
    return re.sub(rf'--tenants={re.escape(name)}(?=[ "])', "", for_tenants(hint, name, ""))


def name_tenants(names: Sequence[str], most: int = 8) -> str:
    """Return `tenant 1` or `tenants 1, 16`: of many, the first `most` and the number of others; the master by name."""
    if list(names) in _ALONE or all("/" in name for name in names):
        return ", ".join(names)  # the master, the only database, or folders of migrations where a verb is about these
    noun = "tenant" if len(names) == 1 else "tenants"
    shown = ", ".join(names[:most])
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{noun} {shown}{more}"


def count_tenants(names: Sequence[str]) -> str:
    """Return `2 tenants`, or `2 folders and 300 tenants` if a verb reads folders; the master alone is `1 database`."""
    if list(names) in _ALONE:
        return count(1, "database")
    folders = sum("/" in name for name in names)
    tenants = len(names) - folders
    if not folders:
        return count(tenants, "tenant")
    return f"{count(folders, 'folder')} and {count(tenants, 'tenant')}" if tenants else count(folders, "folder")


def indent(text: str, by: str = "  ") -> Iterator[str]:
    """Yield the lines of a text, each indented."""
    # At line ends alone: splitlines() would swallow others, which have to be seen, escaped.
    yield from (f"{by}{line}" if line else line for line in text.removesuffix("\n").split("\n"))


def seconds(elapsed_ms: int) -> str:
    """Return milliseconds in the unit that people read most easily: `90 ms`, `1.2 s`."""
    return f"{elapsed_ms} ms" if elapsed_ms < 1000 else f"{elapsed_ms / 1000:.1f} s"


def join(parts: Iterable[str], by: str = ", ") -> str:
    """Return the parts that are not empty, separated by commas."""
    return by.join(part for part in parts if part)
