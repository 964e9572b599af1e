"""`dump`: the schema that the files of the tenants produce, as one file of SQL. Opens no tenant."""

from pathlib import Path

import click

from tenantry.files.repeatables import read_directory
from tenantry.model import SetName
from tenantry.model.errors import ConfigError, Problem
from tenantry.model.events import LinePrinted
from tenantry.model.words import describe_os_error
from tenantry.project import Project
from tenantry.scratch.dump import compose_dump, save_dump
from tenantry.verbs.opening import open_files
from tenantry.verbs.options import WAIT
from tenantry.verbs.verb import Events, Request, Verb

_HELP = """Write the schema that the tenants' files produce, as one file of SQL: for reviewers and editors, never to be
run.

FILE is by default the file of `dump` in tenants.yaml, which migrate writes as well; - is stdout. The same files always
give the same text, so that a change of the schema is seen in its diff. No tenant is touched.

\b
  tenantry dump
  tenantry dump schema.sql
  tenantry dump -
"""

_PARAMS = (click.Argument(["file"], required=False), WAIT)
_STDOUT = "-"


def start(project: Project, *, path: Path | None = None) -> Events:
    """Write the schema of the tenants' files to a file, or report its lines without one.

    Raises InputError where the files cannot be used or the schema cannot be written; ServerError and Refused where they
    cannot be replayed.
    """
    folder = project.config.folder(SetName.TENANT)
    text = compose_dump(project, read_directory(folder, str(folder)))
    if path is None:
        # As a whole: a string in it may span lines.
        yield LinePrinted(text.rstrip("\n"))
        return
    try:
        save_dump(path, text)
    except OSError as error:
        reason = describe_os_error(error)
        raise ConfigError((Problem(f"{path}: {reason}, expected a file that can be written"),)) from None
    yield LinePrinted(f"wrote {path}")


def _start(request: Request) -> Events:
    project, file = open_files(request), request.options["file"]
    if file == _STDOUT:
        return start(project)
    path = Path(file) if file else project.config.dump
    if path is None:
        hint = 'write "tenantry dump schema.sql", or add the line "dump: schema.sql" to have migrate write it as well'
        raise ConfigError((Problem(f"{project.config.path}: no dump, expected the key or the argument FILE", hint),))
    if file and not path.parent.is_dir():
        # Before the files are replayed. The folder of the key in tenants.yaml is made: somebody has thought about it.
        raise ConfigError((Problem(f"FILE: {file}: there is no folder {str(path.parent)!r}, expected one"),))
    return start(project, path=path)


VERB = Verb(_HELP, _PARAMS, _start, reports=False)
