"""`draft`: the next migration, from the difference between the files and a target schema."""

from collections.abc import Sequence
from pathlib import Path

import click

from tenantry.files.directory import next_version, read_migrations
from tenantry.model import SetName, label
from tenantry.model.errors import ConfigError, Problem
from tenantry.model.events import LinePrinted
from tenantry.model.words import describe_os_error
from tenantry.project import Project
from tenantry.schema.ddl.draft import Draft, Risk, render
from tenantry.schema.ddl.write import write_ddl
from tenantry.scratch.replay import open_replay
from tenantry.scratch.schema_file import load_schema, read_schema_source
from tenantry.verbs.new import parse_name
from tenantry.verbs.opening import open_files
from tenantry.verbs.options import SET, WAIT
from tenantry.verbs.verb import Events, Request, Verb

_HELP = """Write the next migration from the difference between the files and a target schema.

Statements that add something are ready for review, in forms that hold no strong lock for long. Statements that destroy
something, or may be a rename, are written as comments: a person decides. No tenant is touched.

\b
  tenantry draft deposits --schema-from "npx drizzle-kit export"
  tenantry draft deposits --schema-from schema.sql
"""

_PARAMS = (
    click.Argument(["name"]),
    click.Option(
        ["--schema-from"],
        required=True,
        metavar="COMMAND|FILE.sql",
        help="Target schema: a file, or a command that prints DDL.",
    ),
    SET,
    WAIT,
)


def start(project: Project, *, name: str, schema_from: str, set_name: SetName = SetName.TENANT) -> Events:
    """Write the next migration of a set, from the difference between its files and a schema; report each new path.

    `schema_from` is a file of SQL, or a command that prints it. Raises InputError where the name, the files or the
    schema cannot be used; ServerError and Refused where they cannot be replayed.
    """
    name = parse_name(name)
    config = project.config
    folder = config.folder(set_name)
    migrations = read_migrations(folder, str(folder)).migrations
    source = read_schema_source(schema_from, config.root, project.choice.environment)
    # Each on an empty database: files and target schema create objects of the same names.
    with open_replay(project) as replay:
        found = replay.run(migrations)
    with open_replay(project) as replay:
        expected = load_schema(replay.scratch, *source, config.scope())
        origin = replay.major
    # For every major: that of the scratch server need not be that of the tenants.
    drafts = write_ddl(expected, found, origin=origin)
    if not drafts:
        yield LinePrinted(f"nothing to write: the files already produce the schema of {source[1]}")
    title = f"A draft for review: the difference between the files and {source[1]}."
    yield from write_drafts(folder, name, drafts, title)


def write_drafts(folder: Path, name: str, drafts: Sequence[Draft], title: str) -> Events:
    """Write statements as the next migrations of a folder, and report each new path. Raises ConfigError."""
    # What is checked row by row goes into a file, and so into a transaction, of its own.
    parts = (("", [d for d in drafts if not d.separate]), ("_validate", [d for d in drafts if d.separate]))
    for suffix, part in parts:
        if part and not any(draft.sql and draft.kind is Risk.ADDITIVE for draft in part):
            # As a file it would be a migration that does nothing, and there would be another one with every draft.
            yield LinePrinted("no file is written for the following statements: a person has to decide")
            # As a whole: a string in it may span lines.
            yield LinePrinted(render(part).rstrip("\n"))
        elif part:
            path = folder / f"{label(next_version(folder), name + suffix)}.sql"
            _write(path, f"-- {title}\n\n{render(part)}")
            yield LinePrinted(str(path))


def _start(request: Request) -> Events:
    options = request.options
    return start(
        open_files(request),
        name=options["name"],
        schema_from=options["schema_from"],
        set_name=SetName(options["set_name"]),
    )


def _write(path: Path, text: str) -> None:
    try:
        # Never over a file that took the same number in the meantime.
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        reason = describe_os_error(error)
        raise ConfigError((Problem(f"{path}: {reason}, expected to create this file"),)) from None


VERB = Verb(_HELP, _PARAMS, _start, reports=False)
