"""Django: one row of `django_migrations` for each app and name, without a checksum."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tenantry.postgres.sessions import Connection
from tenantry.takeover.records.histories import ForeignRecord, History, SourceFile
from tenantry.takeover.records.rows import in_utc, read_rows
from tenantry.takeover.records.source import (
    check_unique,
    input_error,
    list_paths,
    parse_python,
    read_assigned,
    read_constant,
    sort_by_dependency,
)

_TITLE = "Django"
_COLUMNS = {"id": "number", "app": "text", "name": "text", "applied": "time"}
# Apps in these folders are installed packages; whether the project uses them is unknown.
_FOREIGN = ("site-packages", "node_modules")


def _read(connection: Connection) -> tuple[ForeignRecord, ...] | None:
    rows = read_rows(connection, _TITLE, "public.django_migrations", _COLUMNS)
    if rows is None:
        return None
    return tuple(ForeignRecord(f"{app}.{name}", in_utc(applied)) for _id, app, name, applied in rows)


def _list_files(folder: Path) -> tuple[SourceFile, ...]:
    """Return the migrations of every app below a project, each after its dependencies.

    An app is named after its folder, or by the label in its apps.py. Raises InputError if there is no app.
    """
    apps = tuple(_find_apps(folder))
    if not apps:
        raise input_error(
            f"{folder}: no migrations, expected APP/migrations/*.py below it", "pass the folder of the Django project"
        )
    files = [
        _parse(_read_label(path.parent), migration)
        for path in apps
        for migration in list_paths(path, "*.py")
        # As Django's loader: private modules and backups of editors are not migrations.
        if migration.name[0] not in "_~"
    ]
    check_unique(files)
    return sort_by_dependency(_resolve(files))


def _find_apps(folder: Path) -> Iterator[Path]:
    """Yield the migrations folders: the given one if it is one, otherwise those below it."""
    # For its error alone: the folder may not exist.
    list_paths(folder)
    if folder.name == "migrations":
        yield folder
        return
    for path in sorted(folder.rglob("migrations")):
        parts = path.relative_to(folder).parts
        if path.is_dir() and not any(part in _FOREIGN or part.startswith(".") for part in parts):
            yield path


def _read_label(app: Path) -> str:
    """Return an app's label: that of the AppConfig in its apps.py, otherwise the name of its folder."""
    config = app / "apps.py"
    for statement in parse_python(config) if config.is_file() else ():
        if isinstance(statement, ast.ClassDef):
            label = read_constant(config, read_assigned(statement.body), "label")
            if isinstance(label, str):
                return label
    return app.resolve().name


def _parse(app: str, path: Path) -> SourceFile:
    """Return one migration; computed dependencies are left out, since they only affect the order."""
    for statement in parse_python(path):
        if isinstance(statement, ast.ClassDef) and statement.name == "Migration":
            assigned = read_assigned(statement.body)
            replaced = ", ".join(_read_keys(assigned, "replaces"))
            note = f"replaces {replaced}" if replaced else ""
            follows = tuple(_read_keys(assigned, "dependencies"))
            return SourceFile(f"{app}.{path.stem}", path.as_posix(), note=note, follows=follows)
    raise input_error(f"{path}: no class Migration, expected a Django migration")


def _read_keys(assigned: Mapping[str, ast.expr], name: str) -> Iterator[str]:
    """Yield `app.name` of every pair of constants in an assigned list."""
    match assigned.get(name):
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            for element in elements:
                match element:
                    case ast.Tuple(elts=[ast.Constant(value=str(app)), ast.Constant(value=str(migration))]):
                        yield f"{app}.{migration}"


def _resolve(files: Sequence[SourceFile]) -> list[SourceFile]:
    """Replace `__first__` by the first migration of an app, and `__latest__` by the last one, both by name."""
    names = sorted(file.id for file in files)
    known = {f"{name.partition('.')[0]}.__first__": name for name in reversed(names)}
    known |= {f"{name.partition('.')[0]}.__latest__": name for name in names}
    return [replace(file, follows=tuple(known.get(name, name) for name in file.follows)) for file in files]


HISTORY = History(_TITLE, _read, _list_files, own=("django_migrations*",))
