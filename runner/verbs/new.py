"""`new`: an empty migration file with the next number. Opens no database."""

import re
from pathlib import Path

import click

from tenantry.config.model import Config
from tenantry.files.directory import next_version
from tenantry.files.source import UNWRITTEN
from tenantry.model import SetName, label
from tenantry.model.errors import ConfigError, Problem
from tenantry.model.events import LinePrinted
from tenantry.model.words import describe_os_error
from tenantry.verbs.opening import read_request
from tenantry.verbs.options import SET
from tenantry.verbs.verb import Events, Request, Verb

_HELP = """Create an empty migration file with the next free number and a header to fill in, and print its path.

\b
  tenantry new "rates per room"
  tenantry new add_vat_number --set master
"""

_PARAMS = (
    click.Argument(["name"]),
    SET,
)
_TEMPLATE = """\
-- The purpose of this change, and its reason.
--
-- Header keys, if needed, one per line as "-- key: value" in this comment:
--   transactional (false: runs statement by statement, for CREATE INDEX CONCURRENTLY and the like)
--   depends (names of earlier files, without .sql)

"""


def start(config: Config, *, name: str, set_name: SetName = SetName.TENANT) -> Events:
    """Create an empty migration file with the next number, and report its path.

    Raises ConfigError where the name is not one for a file, there is no such set, or its folder is not writable.
    """
    yield LinePrinted(str(_create(config.folder(set_name), parse_name(name))))


def _start(request: Request) -> Events:
    options = request.options
    return start(read_request(request), name=options["name"], set_name=SetName(options["set_name"]))


def parse_name(text: str) -> str:
    """Return the name of a migration as its file carries it. Raises ConfigError."""
    name = re.sub(r"[\s-]+", "_", text.strip().lower()).removesuffix(".sql")
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise ConfigError((Problem(f"NAME: {text!r} is not a migration name, expected a-z, 0-9, _ and spaces"),))
    return name


def _create(folder: Path, name: str) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{label(next_version(folder), name)}.sql"
        # Never over a file that took the same number in the meantime.
        with path.open("x", encoding="utf-8") as file:
            # The last line is not SQL, so that a file nobody filled in is refused, not applied as an empty one.
            file.write(f"{_TEMPLATE}{UNWRITTEN}\n")
    except OSError as error:
        reason = describe_os_error(error)
        raise ConfigError((Problem(f"{folder}: {reason}, expected a writable folder"),)) from None
    return path


VERB = Verb(_HELP, _PARAMS, _start, reports=False)
