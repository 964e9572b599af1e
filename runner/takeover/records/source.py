"""The folders of other tools: their files, the constants in Python files, and the order of dependencies.

No user code is imported or run: Python is parsed, and only constants count.
"""

import ast
import heapq
import warnings
from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from tenantry.model.errors import InputError, Problem
from tenantry.takeover.records.histories import SourceFile


def input_error(message: str, hint: str = "") -> InputError:
    """Return the error for one problem."""
    return InputError((Problem(message, hint),))


def list_paths(folder: Path, pattern: str = "*") -> tuple[Path, ...]:
    """Return the files of a folder that match a glob pattern, sorted by path. Raises InputError: no such folder."""
    if not folder.is_dir():
        found = "not a folder" if folder.exists() else "no such folder"
        raise input_error(f"{folder}: {found}, expected the tool's migrations")
    return tuple(sorted(path for path in folder.glob(pattern) if path.is_file()))


def read_bytes(path: Path) -> bytes:
    """Return the content of a file. Raises InputError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise input_error(f"{path}: cannot be read: {error.strerror}") from None


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file, with its line ends unchanged. Raises InputError."""
    try:
        return read_bytes(path).decode()
    except UnicodeDecodeError as error:
        raise input_error(f"{path}: not UTF-8 at byte {error.start}, expected text") from None


def parse_python(path: Path) -> Sequence[ast.stmt]:
    """Return the statements of a Python file without running any. Raises InputError."""
    with warnings.catch_warnings():
        # Invalid escapes in a user's strings are not ours to report.
        warnings.simplefilter("ignore")
        try:
            return ast.parse(read_bytes(path)).body
        except SyntaxError as error:
            raise input_error(f"{path}:{error.lineno or 1}: not valid Python: {error.msg}") from None
        except ValueError as error:
            raise input_error(f"{path}: not valid Python: {error}") from None


def read_assigned(body: Iterable[ast.stmt]) -> dict[str, ast.expr]:
    """Return the expressions assigned to single names in a module or class; the last assignment counts."""
    assigned: dict[str, ast.expr] = {}
    for statement in body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                assigned[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                assigned[name] = value
    return assigned


def read_constant(path: Path, assigned: Mapping[str, ast.expr], name: str) -> Any:
    """Return the value of an assigned name; None if it is not assigned. Raises InputError: it is computed."""
    if name not in assigned:
        return None
    try:
        return ast.literal_eval(assigned[name])
    except (ValueError, TypeError):
        raise input_error(f"{path}:{assigned[name].lineno}: {name} is computed, expected a constant") from None


def read_names(path: Path, assigned: Mapping[str, ast.expr], name: str) -> tuple[str, ...]:
    """Return an assigned string or collection of strings; empty if it is None or not assigned. Raises InputError."""
    value = read_constant(path, assigned, name)
    names = (value,) if isinstance(value, str) else value or ()
    if not isinstance(names, tuple | list | set | frozenset) or not all(isinstance(one, str) for one in names):
        raise input_error(f"{path}:{assigned[name].lineno}: {name} is {value!r}, expected a name or several")
    # A set has no order, and the result must not depend on the hash seed.
    return tuple(sorted(names)) if isinstance(names, set | frozenset) else tuple(names)


def check_unique(files: Sequence[SourceFile]) -> None:
    """Raise InputError if two files have the same id."""
    paths: dict[str, str] = {}
    for file in files:
        if file.id in paths:
            raise input_error(f"{file.path}: {file.id!r} is used twice, also by {paths[file.id]}")
        paths[file.id] = file.path


def sort_by_dependency(files: Sequence[SourceFile]) -> tuple[SourceFile, ...]:
    """Return the files so that each comes after its dependencies, and otherwise as early as in the given order.

    Dependencies that are not among the files do not count. Raises InputError if the files depend on each other.
    """
    position = {file.id: number for number, file in enumerate(files)}
    sorter = TopologicalSorter({file.id: [one for one in file.follows if one in position] for file in files})
    try:
        sorter.prepare()
    except CycleError as error:
        raise input_error(f"{' -> '.join(reversed(error.args[1]))}: depend on each other in a cycle") from None
    # A heap, since graphlib itself does not keep the given order among the files that are ready.
    ready: list[int] = []
    ordered: list[SourceFile] = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heapq.heappush(ready, position[name])
        ordered.append(files[heapq.heappop(ready)])
        sorter.done(ordered[-1].id)
    return tuple(ordered)
