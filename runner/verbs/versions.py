"""Versions that were named on the command line, held against the files that there are."""

from collections.abc import Iterable

from tenantry.files.directory import Directory
from tenantry.model import label
from tenantry.model.errors import ConfigError, Problem, Refused
from tenantry.project import Project


def check_name(version: int, known: Iterable[str]) -> None:
    """Raise Refused where a version was written with a name, and it has only others: `known`, as labels."""
    written, found = getattr(version, "name", ""), list(dict.fromkeys(known))
    if written and found and label(version, written) not in found:
        raise Refused(f"there is no {label(version, written)}; version {int(version)} is {' and '.join(found)}")


def find_version(project: Project, version: int, option: str) -> None:
    """Raise ConfigError unless some selected set has a file of this version."""
    find_file(project.directories.values(), version, option)


def find_file(directories: Iterable[Directory], version: int, option: str) -> None:
    """Raise ConfigError unless some directory has a file of this version; its name, where one is written, counts."""
    files = [file for directory in directories for file in directory.migrations]
    found = [label(file.version, file.name) for file in files if file.version == version]
    if not found:
        newest = max(files, key=lambda file: file.version)
        message = f"{option}: there is no migration {version}; the newest is {label(newest.version, newest.name)}"
        raise ConfigError((Problem(message),))
    written = label(version, getattr(version, "name", ""))
    if written not in (label(version, ""), *found):
        raise ConfigError((Problem(f"{option}: there is no {written}; version {version} is {' and '.join(found)}"),))
