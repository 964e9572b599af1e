"""Tenants from a file of their own, CSV or JSON lines, one in each row: the rules of the list, with lines as positions.

Read row by row: a hundred thousand tenants take a second or two.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

from tenantry.config.model import Config, Mistake, TenantFile
from tenantry.config.quick import make_plain
from tenantry.config.rows import convert_row
from tenantry.config.tenants import check_tenant, find_clashes
from tenantry.config.validation import TENANT_KEYS, validate_row
from tenantry.model import Tenant
from tenantry.model.errors import ConfigError, Problem
from tenantry.model.words import nearest, one_of

Rows = Iterator[tuple[int, Mapping[str, object] | Mistake]]

# In CSV, a column for each label: labels.tier.
_LABEL = "labels."
_PLAIN = frozenset(TENANT_KEYS) - {"labels"}
_COLUMNS = tuple(key if key != "labels" else "labels.NAME" for key in TENANT_KEYS)
# Arbitrary: a file with other columns would otherwise be reported a hundred thousand times.
_MOST = 20


def read_listing(config: Config, file: TenantFile) -> tuple[Tenant, ...]:
    """Return the tenants of a file, in its order. Raises ConfigError with its mistakes, each with its line."""
    read = _READERS.get(file.path.suffix)
    if read is None:
        raise ConfigError((Problem(f"{file.at}: {file.path.name!r}, expected a file {one_of(_READERS)}"),))
    problems: list[Problem] = []
    lines, tenants = _collect(config, file.path, read, problems)
    if not tenants and not problems:
        raise ConfigError((Problem(f"{file.path}: no tenants, expected one in each row"),))
    # The master takes part, since no tenant may have its database.
    masters = [config.master] if config.master else []
    places = [*(0 for _ in masters), *lines]
    for index, mistake in find_clashes(
        [*masters, *tenants], config.rules, lambda index: f"line {places[index]}" if places[index] else "tenants.yaml"
    ):
        problems.append(Problem(f"{file.path}:{places[index] or 1}: {mistake.what}", mistake.hint))
    if problems:
        raise ConfigError(_shorten(problems, file.path))
    return tuple(tenants)


def _collect(
    config: Config, path: Path, read: Callable[[IO[str], Path], Rows], problems: list[Problem]
) -> tuple[list[int], list[Tenant]]:
    """Return the tenants of a file with their lines, and note the mistakes of each by itself."""
    lines: list[int] = []
    tenants: list[Tenant] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for line, row in read(stream, path):
                found = row if isinstance(row, Mistake) else _make(row, config)
                if isinstance(found, Tenant):
                    lines.append(line)
                    tenants.append(found)
                    mistakes = [Mistake(f"{key}: {what}", hint) for key, (what, hint) in _check(found, config)]
                else:
                    mistakes = [found] if isinstance(found, Mistake) else found
                problems += [Problem(f"{path}:{line}: {what}", hint) for what, hint in mistakes]
    except UnicodeDecodeError:
        raise ConfigError((Problem(f"{path}: not UTF-8, expected a file in UTF-8"),)) from None
    except OSError as error:
        raise ConfigError(
            (Problem(f"{path}: unreadable ({error.strerror}), expected the file of the tenants"),)
        ) from None
    return lines, tenants


def _make(row: Mapping[str, object], config: Config) -> Tenant | list[Mistake]:
    return make_plain(row, config.rules) or validate_row(convert_row(row), config.rules)


def _check(tenant: Tenant, config: Config) -> Iterator[tuple[str, Mistake]]:
    return check_tenant(tenant, config.rules)


def _read_csv(stream: IO[str], path: Path) -> Rows:
    reader = csv.reader(stream, strict=True)
    try:
        header = [column.strip() for column in next(reader, [])]
        if problems := [Problem(f"{path}:1: {what}", hint) for what, hint in _check_header(header)]:
            raise ConfigError(tuple(problems))
        for cells in reader:
            if len(cells) == len(header):
                yield reader.line_num, _make_row(header, cells)
            elif cells:
                yield reader.line_num, Mistake(f"{len(cells)} values, expected {len(header)} as in the first line")
    except csv.Error as error:
        raise ConfigError((Problem(f"{path}:{reader.line_num}: {error}, expected CSV with commas"),)) from None


def _check_header(header: list[str]) -> Iterator[Mistake]:
    for column in dict.fromkeys(header):
        if header.count(column) > 1:
            yield Mistake(f"column {column!r} is there twice, expected it once")
        if not (column in _PLAIN or (column.startswith(_LABEL) and column != _LABEL)):
            yield Mistake(f"unknown column {column!r}, expected {one_of(_COLUMNS)}", nearest(column, _COLUMNS))
    if "id" not in header:
        yield Mistake("no column 'id', expected one", "write the names of the columns into the first line")


def _make_row(header: list[str], cells: list[str]) -> dict[str, object]:
    """Return a row with its labels in one mapping, and without empty cells: the id alone has to be there."""
    row: dict[str, object] = {}
    labels: dict[str, str] = {}
    for column, cell in zip(header, cells, strict=True):
        if column.startswith(_LABEL):
            if cell:
                labels[column[len(_LABEL) :]] = cell
        elif cell or column == "id":
            row[column] = cell
    return row | {"labels": labels} if labels else row


def _read_jsonl(stream: IO[str], path: Path) -> Rows:
    del path
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=_make_object)
        except (ValueError, RecursionError) as error:
            said = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            yield number, Mistake(f"{said}, expected an object in JSON")
            continue
        yield number, row if isinstance(row, dict) else Mistake("no object, expected one with the keys of a tenant")


def _make_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        # The last one would win without a word.
        raise ValueError("a key is given twice")
    return found


def _shorten(problems: list[Problem], path: Path) -> tuple[Problem, ...]:
    more = [Problem(f"{path}: {len(problems) - _MOST} more mistakes")] if len(problems) > _MOST else []
    return (*problems[:_MOST], *more)


_READERS: Mapping[str, Callable[[IO[str], Path], Rows]] = {".csv": _read_csv, ".jsonl": _read_jsonl}
