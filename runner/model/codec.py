"""Events to JSON and back: the lines of `jsonl` and of journals. Pure.

Fields that are left out of the repr are left out here too. A migration is written without its SQL, and is read back
with empty texts.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, Union, get_args, get_origin, get_type_hints

from tenantry.model.effects import LockMode
from tenantry.model.events import Event
from tenantry.model.results import Cell

_PLAIN = (str, int, float, bool, type(None))


def encode_event(event: Event) -> dict[str, Any]:
    """Return an event as a JSON object, with its kind in the key `event`."""
    kind: type = type(event)
    return {"event": kind_of(kind), **encode(event)}


def encode(value: Any) -> Any:
    """Return a value of an event in the types of JSON: dataclasses as objects, times in ISO 8601."""
    kind: type = type(value)
    return _encoder(kind)(value)


def decode_event(line: Mapping[str, Any]) -> Event:
    """Return the event that `encode_event` wrote; keys that it does not have are ignored. Raises ValueError."""
    kind = _kinds().get(str(line.get("event")))
    if kind is None:
        raise ValueError(f"unknown event {line.get('event')!r}")
    event: Event = decode(kind, line)
    return event


def decode(wanted: Any, value: Any) -> Any:
    """Return a JSON value as the type `wanted`. Raises ValueError."""
    if wanted is Any or wanted == Cell:
        return value
    if get_origin(wanted) in (Union, types.UnionType):
        return _decode_union(get_args(wanted), value)
    if is_dataclass(wanted):
        return _decode_object(wanted, value)
    if get_origin(wanted) is tuple:
        return _decode_tuple(get_args(wanted), value)
    if get_origin(wanted) is not None:
        return _decode_mapping(get_args(wanted), value)
    if wanted is datetime and isinstance(value, str):
        return datetime.fromisoformat(value)
    if wanted is LockMode:
        return (
            LockMode[str(value).replace(" ", "_")] if str(value).replace(" ", "_") in LockMode.__members__ else _fail()
        )
    if issubclass(wanted, Enum):
        return wanted(value)
    # A bool is an int to Python, and not to JSON.
    return value if type(value) is wanted or (wanted is float and type(value) is int) else _fail()


@cache
def kind_of(event: type) -> str:
    """Return the name of an event's class as JSON has it: `tenant_finished`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in event.__name__).lstrip("_")


@cache
def _kinds() -> Mapping[str, type]:
    return {kind_of(kind): kind for kind in get_args(Event)}


@cache
def _encoder(kind: type) -> Callable[[Any], Any]:
    """Return the way in which the values of a type are written: decided once, since a run has many events."""
    if kind in _PLAIN:
        return lambda value: value
    if is_dataclass(kind):
        written = tuple((one.name, attrgetter(one.name)) for one in fields(kind) if one.repr)
        # Most fields are plain, and a call for each would be most of what it costs to write an event.
        return lambda value: {
            name: entry if type(entry := get(value)) in _PLAIN else encode(entry) for name, get in written
        }
    if issubclass(kind, Mapping):
        return lambda value: {key: encode(entry) for key, entry in value.items()}
    if issubclass(kind, list | tuple):
        return lambda value: [encode(entry) for entry in value]
    if issubclass(kind, datetime):
        return datetime.isoformat
    # Before Enum: its value is a rank, which means nothing outside this program.
    if issubclass(kind, LockMode):
        return attrgetter("words")
    return attrgetter("value") if issubclass(kind, Enum) else lambda value: value


@cache
def _read(kind: type) -> tuple[tuple[str, Any, bool, bool], ...]:
    """Return name and type of each field, whether it is written, and whether it has a default."""
    hints = get_type_hints(kind)
    return tuple(
        (one.name, hints[one.name], one.repr, one.default is not MISSING or one.default_factory is not MISSING)
        for one in fields(kind)
    )


def _decode_object(wanted: Any, value: Any) -> Any:
    if not isinstance(value, Mapping):
        _fail()
    given: dict[str, Any] = {}
    for name, hint, written, optional in _read(wanted):
        if written and name in value:
            given[name] = decode(hint, value[name])
        elif not written and not optional:
            # The texts of a migration.
            given[name] = ""
        elif not optional:
            raise ValueError(f"{name!r} is missing")
    return wanted(**given)


def _decode_union(arms: tuple[Any, ...], value: Any) -> Any:
    if value is None and type(None) in arms:
        return None
    (arm,) = (arm for arm in arms if arm is not type(None))
    return decode(arm, value)


def _decode_tuple(kinds: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        _fail()
    if kinds[-1] is ...:
        return tuple(decode(kinds[0], entry) for entry in value)
    return tuple(decode(kind, entry) for kind, entry in zip(kinds, value, strict=True))


def _decode_mapping(kinds: tuple[Any, ...], value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        _fail()
    return {str(key): decode(kinds[1], entry) for key, entry in value.items()}


def _fail() -> Any:
    raise ValueError("a value of another type")
