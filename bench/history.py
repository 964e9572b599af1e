"""A long history: as many migrations as are asked for, like those of an application that has grown for years."""

from collections.abc import Iterator
from pathlib import Path


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
