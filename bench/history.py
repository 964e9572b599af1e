"""A long history: as many migrations as are asked for, like those of an application that has grown for years.

It is applied to two empty databases and measured by lint, each with nothing kept from before, and then one file more.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from bench.cases import Bench, Row
from bench.place import Project
from bench.sample import Command

HISTORY = "long history"
PSQL, FIRST, MORE = "psql, one database", "migrate, all files, proven", "migrate, one more, proven"
LINT_FIRST, LINT_MORE = "lint, all files", "lint, one more"
# Far from those of the other cases.
_TENANTS = (2_000_001, 2_000_002)


def run_history(bench: Bench, files: int) -> Iterator[Row]:
    """Measure a history of so many files, once each: what is kept afterwards would make the second time another one."""
    project = Project(bench.place.folder / "history", bench.place.dsn)
    migrations = project.folder / "migrations"
    written = write_history(migrations, files)
    config, (*tenants, alone) = project.config_of(_TENANTS), (*_TENANTS, _TENANTS[-1] + 1)
    bench.place.empty((*tenants, alone))
    yield _run(bench, bench.psql(PSQL, written, alone), 1)
    yield _run(bench, bench.tenantry(FIRST, config, "migrate"), 2)
    write_next(migrations, files + 1)
    yield _run(bench, bench.tenantry(MORE, config, "migrate"), 2)
    # lint would find what migrate has measured.
    shutil.rmtree(project.folder / ".tenantry")
    yield _run(bench, bench.tenantry(LINT_FIRST, config, "lint"), 0)
    write_next(migrations, files + 2)
    yield _run(bench, bench.tenantry(LINT_MORE, config, "lint"), 0)


def _run(bench: Bench, command: Command, databases: int) -> Row:
    return Row(HISTORY, command.name, databases, (bench.run(command),))


def write_history(folder: Path, files: int) -> list[Path]:
    """Write `files` migrations into a folder and return their paths; the same files for the same number."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number in range(1, files + 1):
        path = folder / f"{number:04}_step_{number}.sql"
        path.write_text("".join(_compose(number)), "utf-8")
        written.append(path)
    return written


def write_next(folder: Path, number: int) -> Path:
    """Write one more migration, a small table, and return its path."""
    path = folder / f"{number:04}_step_{number}.sql"
    path.write_text(f"CREATE TABLE extra_{number} (id bigint PRIMARY KEY, note text NOT NULL DEFAULT '');\n", "utf-8")
    return path


def _compose(number: int) -> Iterator[str]:
    """Yield the statements of one file: every second creates a table, the others build on the one before."""
    table = f"t_{number - (number - 1) % 2}"
    if number % 2:
        yield from _create_table(table, number)
        return
    if number // 2 % 4 == 0:
        yield "-- lint: allow index because nobody is at work here\n"
    yield f"ALTER TABLE {table} ADD COLUMN extra_{number} integer;\n"
    match number // 2 % 4:
        case 0:
            yield f"CREATE INDEX {table}_name_idx ON {table} (name, created_at);\n"
        case 1:
            yield f"CREATE VIEW {table}_recent AS SELECT id, name FROM {table} WHERE state = 'new';\n"
        case 2:
            yield f"CREATE FUNCTION {table}_count() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM {table}';\n"
        case _:
            yield f"INSERT INTO {table} (id, name) VALUES (1, 'one'), (2, 'two'), (3, 'three');\n"
            yield f"UPDATE {table} SET name = upper(name) WHERE id = 2;\n"


def _create_table(table: str, number: int) -> Iterator[str]:
    parent = f" REFERENCES t_{number - 2}" if number > 2 else ""
    yield (
        f"CREATE TABLE {table} (\n"
        "    id bigint PRIMARY KEY,\n"
        f"    parent bigint{parent},\n"
        "    name text NOT NULL,\n"
        "    state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'done')),\n"
        "    created_at timestamptz NOT NULL DEFAULT now()\n"
        ");\n"
        f"CREATE INDEX {table}_parent_idx ON {table} (parent);\n"
        f"COMMENT ON TABLE {table} IS 'Step {number}.';\n"
    )
