"""The files of a new project: all of them are written, or none, and nothing is overwritten."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tenantry.config.single import json_schema
from tenantry.config.starter import SCHEMA, Starter
from tenantry.model.errors import ConfigError, Problem
from tenantry.model.words import describe_os_error

_IGNORED = ".tenantry/"


@contextmanager
def writing(folder: Path, starter: Starter) -> Iterator[list[Path]]:
    """Write the files of a project and yield their paths; if that or the rest fails, delete them again."""
    schema = json.dumps(json_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    files = {folder / path: text for path, text in {**starter.files, SCHEMA: schema}.items()}
    _refuse_existing(folder, files, folder / starter.migrations)
    written: list[Path] = []
    try:
        (folder / starter.migrations).mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Never over a file that somebody else wrote in the meantime.
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write(text)
        _ignore(folder / ".gitignore")
        yield written
    except OSError as error:
        delete(written)
        raise ConfigError(
            (Problem(f"{error.filename or folder}: {describe_os_error(error)}, expected a writable folder"),)
        ) from None
    except BaseException:
        delete(written)
        raise


def _refuse_existing(folder: Path, files: Mapping[Path, str], migrations: Path) -> None:
    """Raise ConfigError that names each file in the way."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError((Problem(f"{folder}: not a folder, expected one for the project"),))
    present = [path for path in files if path.exists() or path.is_symlink()]
    present += sorted(path for path in migrations.glob("*.sql") if path not in files)
    if present:
        problems = [Problem(f"{path}: exists, and is not overwritten") for path in present[:-1]]
        hint = "choose another folder: tenantry init DIR"
        raise ConfigError((*problems, Problem(f"{present[-1]}: exists, and is not overwritten", hint)))


def _ignore(path: Path) -> None:
    """Add the folder with the data of this machine to .gitignore; its other lines stay."""
    before = path.read_text("utf-8") if path.exists() else ""
    if not {_IGNORED, _IGNORED.rstrip("/"), f"/{_IGNORED}"} & set(before.splitlines()):
        gap = "" if not before or before.endswith("\n") else "\n"
        path.write_text(f"{before}{gap}{_IGNORED}\n.env\n", encoding="utf-8")


def delete(written: Sequence[Path]) -> None:
    """Delete files, those that are gone already included."""
    for path in written:
        path.unlink(missing_ok=True)
