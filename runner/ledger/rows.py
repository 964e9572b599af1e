"""The rows of `_migrations` as the server sends them, made into values: what we would not write is refused."""

import json
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from tenantry.model import AppliedMigration, Origin, Progress, RowState
from tenantry.model.errors import Refused
from tenantry.postgres.copying import Fields

# The server counts from then.
_EPOCH_OF_SERVER = datetime(2000, 1, 1, tzinfo=UTC)
# Arbitrary: a name and a checksum for each of some thousand files; and what is longer is neither.
_SHARED, _SHORT = 8192, 256
# jsonb comes with a number of its format; there is only one.
_JSONB = b"\x01"

_Decode = Callable[[bytes], Any]


def _decode_number(format_: str) -> _Decode:
    unpack = struct.Struct(format_).unpack
    return lambda data: unpack(data)[0]


# The same file has the same name and checksum in each tenant: one of each is held, and not one for each row of a fleet.
@lru_cache(maxsize=_SHARED)
def _share(data: bytes) -> str:
    return data.decode()


def _decode_text(data: bytes) -> str:
    return _share(data) if len(data) <= _SHORT else data.decode()


# Cached, since an enum is slower to find than the rest of a row.
@cache
def _decode_origin(data: bytes) -> Origin:
    return Origin(data.decode())


@cache
def _decode_state(data: bytes) -> RowState:
    return RowState(data.decode())


def decode_time(data: bytes) -> datetime:
    """Return a time. Raises OverflowError for infinity and for one before Christ, which are none of ours."""
    return _EPOCH_OF_SERVER + timedelta(microseconds=_decode_bigint(data))


def decode_json(data: bytes) -> Any:
    """Return the value of a column of type jsonb. Raises ValueError or RecursionError."""
    if not data.startswith(_JSONB):
        raise ValueError("not jsonb")
    return json.loads(data[len(_JSONB) :])


def _decode_proven(data: bytes) -> bool:
    return len(data) > 0


_decode_bigint, _decode_integer, _decode_smallint = map(_decode_number, ("!q", "!i", "!h"))
_DECODERS: Mapping[str, _Decode] = {
    "version": _decode_bigint,
    "name": _decode_text,
    "checksum": _decode_text,
    "origin": _decode_origin,
    "state": _decode_state,
    "set_name": _decode_text,
    "tenant": _decode_text,
    "finished_at": decode_time,
    "elapsed_ms": _decode_bigint,
    "statements": _decode_integer,
    "statements_done": _decode_integer,
    "applied_by": _decode_text,
    "proven_at": _decode_proven,
    "progress": lambda data: parse_progress(decode_json(data)),
    "layout": _decode_smallint,
}
_NULLABLE = frozenset({"finished_at", "elapsed_ms", "proven_at", "progress"})
# As they are asked for, and as `decode` expects them.
COLUMNS = " ".join(_DECODERS)


def decode_version(data: bytes) -> int:
    """Return the version of a row."""
    return int.from_bytes(data, signed=True)


def find_layout(rows: Iterable[Fields]) -> int:
    """Return the newest layout among rows; 0 if there is none that can be read."""
    last = [fields[-1] for fields in rows]
    return max((_decode_smallint(data) for data in last if data and len(data) == 2), default=0)


def decode(rows: Iterable[Fields], shown: str) -> Iterator[AppliedMigration]:
    """Yield rows as values. Raises Refused for one that tenantry cannot have written; `shown` is their table."""
    for fields in rows:
        values: dict[str, Any] = {}
        for (column, decode_value), data in zip(_DECODERS.items(), fields, strict=True):
            try:
                values[column] = _decode_null(column) if data is None else decode_value(data)
            # Whatever is wrong with a value: its length, its encoding, its meaning, its depth.
            except (ValueError, struct.error, OverflowError, TypeError, RecursionError):
                raise refuse_value(shown, values.get("version"), column) from None
        del values["layout"]
        yield AppliedMigration(proven=values.pop("proven_at") is not None, **values)


def _decode_null(column: str) -> Any:
    if column not in _NULLABLE:
        raise ValueError("NULL")
    return None


def refuse_value(shown: str, version: object, column: str) -> Refused:
    """Return the refusal for a value that tenantry does not write; `version` is that of its row."""
    row = "a row" if version is None else f"version {version}"
    return Refused(
        f"{shown}: {row}: unreadable {column}, expected a value that tenantry writes",
        hint="find out who changed it, and have the table's owner restore it",
    )


def parse_progress(written: object) -> Progress | None:
    """Return the progress in the column; None if nothing is known about the file's statements.

    Raises ValueError if it is not what tenantry writes.
    """
    match written:
        case None:
            return None
        case {"prefix": str(prefix), **rest}:
            pass
        case dict() if "prefix" not in written:
            return None
        case _:
            raise ValueError("not an object of ours")
    match {"running": "", "before": [], "batch": {}, **rest}:
        case {"running": str(running), "before": [*before], "batch": dict(batch)}:
            rows = batch.get("rows", 0)
        case _:
            raise ValueError("other types")
    numbers = [number for number in (*before, rows) if type(number) is int]
    if len(numbers) != len(before) + 1:
        raise ValueError("no numbers")
    return Progress(prefix, running, tuple(numbers[:-1]), numbers[-1])
