"""A long list of tenants in YAML, read event by event: no node is made of it, which takes most of time and memory.

Only a list in which all is plain is read here; whatever is not is left to `document`, which explains it. A test holds
both to the same tenants.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

# Arbitrary: below it, nodes cost nothing that anybody would notice.
_FEWEST_LINES = 2_000
_TEXT_TAG = "tag:yaml.org,2002:str"

# The keys of an entry, which most of them share, and its values.
_Row = tuple[tuple[str, ...], tuple[object, ...]]
_Labels = Mapping[str, object]


class _NotPlainError(Exception):
    """The list, or what is around it, is left to `document`."""


@dataclass(frozen=True, slots=True)
class LongList:
    """The entries of a list, and the text of the file in which only the first of them is left."""

    text: str
    _rows: list[_Row]

    def list_rows(self) -> Iterator[dict[str, object]]:
        """Yield each entry as a mapping."""
        for keys, values in self._rows:
            yield dict(zip(keys, values, strict=True))


def take_out(text: str) -> LongList | None:
    """Return the list of `text` apart from the rest, None where it is short, not there, or not plain."""
    loader = getattr(yaml, "CSafeLoader", None)
    if loader is None or text.count("\n") < _FEWEST_LINES:
        return None
    try:
        events = _Events(loader(text))
        events.enter("tenants")
        events.enter("list")
        rows = list(events.read_rows())
    except (_NotPlainError, yaml.YAMLError):
        return None
    rest = _cut(text, events.marks[1], events.marks[-1]) if len(rows) > 1 else None
    return None if rest is None else LongList(rest, rows)


def _cut(text: str, second: Any, end: Any) -> str | None:
    """Return the text without all entries but the first; as many lines as before, so that all places stay."""
    start, stop = text.rfind("\n", 0, second.index) + 1, text.rfind("\n", 0, end.index) + 1
    lines = text.count("\n", start, stop)
    # YAML knows other ends of lines as well.
    if text[start : second.index].strip() != "-" or lines != end.line - second.line:
        return None
    return text[:start] + "\n" * lines + text[stop:]


class _Events:
    """The events of a file, from its start to the end of the list. All of it raises _NotPlainError and YAMLError."""

    def __init__(self, loader: yaml.CSafeLoader) -> None:
        # Where the first two entries begin, and the list ends.
        self.marks: list[Any] = []
        # For its types, each of them may be missing.
        self._next: Callable[[], Any] = loader.get_event
        self._resolve: Callable[..., str] = loader.resolve
        # Few of them, for many tenants.
        self._texts: dict[str, str] = {}
        self._keys: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._labels: dict[tuple[tuple[str, object], ...], _Labels] = {}
        for kind in (yaml.StreamStartEvent, yaml.DocumentStartEvent, yaml.MappingStartEvent):
            _expect(self._next(), kind)

    def enter(self, name: str) -> None:
        """Go on to the value of a key of the mapping that was entered last, and into it."""
        while True:
            key = self._next()
            _expect(key, yaml.ScalarEvent)
            value = self._next()
            if key.value == name:
                _expect(value, yaml.SequenceStartEvent if name == "list" else yaml.MappingStartEvent)
                if value.flow_style:
                    raise _NotPlainError
                return
            self._skip(value)

    def _skip(self, event: Any) -> None:
        """Go on to the end of a value."""
        depth = 0
        while True:
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth <= 0:
                return
            event = self._next()

    def read_rows(self) -> Iterator[_Row]:
        """Yield the entries to the end of the list."""
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            if len(self.marks) < 2:
                self.marks.append(event.start_mark)
            row = self._read_mapping() if _begins_mapping(event) else {"id": self._read_text(event, counts=True)}
            keys = tuple(row)
            yield self._keys.setdefault(keys, keys), tuple(row.values())
        self.marks.append(event.start_mark)

    def _read_mapping(self, *, nested: bool = False) -> dict[str, object]:
        row: dict[str, object] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._read_text(event)
            if key in row:
                raise _NotPlainError
            value = self._next()
            # Those of others than labels are not plain, and are refused with the row.
            if not nested and _begins_mapping(value):
                labels = self._read_mapping(nested=True)
                row[key] = self._labels.setdefault(tuple(labels.items()), labels)
            else:
                row[key] = self._read_text(value, counts=key == "id" and not nested)
        return row

    def _read_text(self, event: Any, *, counts: bool = False) -> str:
        """Return a scalar that YAML takes for text, or with `counts` for a whole number as well."""
        if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
            raise _NotPlainError
        value: str = event.value
        if counts and not event.style and value.isascii() and value.isdigit() and (value[0] != "0" or value == "0"):
            return value
        known = self._texts.get(value)
        if known is not None and not event.style:
            return known
        if self._resolve(yaml.ScalarNode, value, event.implicit) != _TEXT_TAG:
            raise _NotPlainError
        return value if event.style else self._texts.setdefault(value, value)


def _expect(event: Any, kind: type[yaml.Event]) -> None:
    # An anchor may be meant elsewhere, and a tag is no plain YAML.
    if type(event) is not kind or getattr(event, "anchor", None) or getattr(event, "tag", None):
        raise _NotPlainError


def _begins_mapping(event: Any) -> bool:
    if not isinstance(event, yaml.MappingStartEvent):
        return False
    if event.anchor or event.tag:
        raise _NotPlainError
    return True
