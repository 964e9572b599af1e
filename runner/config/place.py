"""Where tenants.yaml is, and what a look at its first words tells. Imports nothing slow: completion calls it."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from tenantry.model.errors import ConfigError, Problem

if TYPE_CHECKING:
    from dotenv.parser import Binding

FILE = "tenants.yaml"
_SINGLE = re.compile(r"^database\s*:", re.MULTILINE)


def find_tenants_file(start: Path = Path()) -> Path:
    """Return tenants.yaml of a folder or of the nearest one above it, relative to where we are.

    Where none has one, it is that of the folder itself, to be named in messages.
    """
    here = start.resolve()
    found = next((folder for folder in (here, *here.parents) if (folder / FILE).is_file()), here)
    return Path(os.path.relpath(found / FILE, here))


def seems_single(path: Path) -> bool:
    """Return whether a file seems to be that of a project with one database; its other mistakes come later."""
    try:
        return _SINGLE.search(path.read_text("utf-8-sig")) is not None
    except (OSError, UnicodeDecodeError):
        return False


def load_variables(path: str | None) -> None:
    """Add the variables of a file such as .env to the environment; those that are set already win.

    Raises ConfigError for a line that is none: a variable that is silently missing could lead to another database.
    """
    if path is None:
        return
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    try:
        with open(path, encoding="utf-8-sig") as file:
            wrong = [binding.original.line for binding in parse_stream(file) if binding.error or not _is_whole(binding)]
        if wrong:
            message = f"{path}:{wrong[0]}: not a variable, expected NAME=value"
            raise ConfigError((Problem(message, "quote a value that contains spaces or #"),))
        found = dotenv_values(path, encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError((Problem(f"{path}: not UTF-8, expected variables", "save the file as UTF-8"),)) from None
    except OSError as error:
        raise ConfigError((Problem(f"{path}: {(error.strerror or str(error)).lower()}, expected variables"),)) from None
    for name, value in found.items():
        os.environ.setdefault(name, value or "")


def _is_whole(binding: "Binding") -> bool:
    """Return whether a line is a variable with a value, or none at all: a comment or a blank one."""
    return binding.key is None or binding.value is not None
