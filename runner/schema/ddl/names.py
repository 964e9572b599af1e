"""Names in a snapshot, qualified and quoted, and the names that a text mentions."""

import re
from collections.abc import Iterator

from tenantry.schema.snapshot import SchemaObject

_WORD = r'"(?:[^"]|"")+"|[^\W\d][\w$]*'
_NAME = re.compile(_WORD)
_QUALIFIED = re.compile(rf"({_WORD})\.({_WORD})")
_QUOTED = re.compile(r"[Ee]?'(?:[^']|'')*'")
_SETTING = re.compile(r', (?=(?:"(?:[^"]|"")+"|[\w.]+)=)')
_BODY = re.compile(r"^AS (?=\$|')", re.MULTILINE)

ROUTINES = frozenset({"function", "procedure", "aggregate"})
RELATIONS = frozenset({"table", "view", "materialized view", "foreign table"})
TYPES = frozenset({"enum", "domain", "range", "composite type", "base type", "shell type"})


def find_names(text: str) -> set[str]:
    """Return every `schema.name` that a text mentions, and anything else of that form."""
    return {".".join(match.groups()) for match in _QUALIFIED.finditer(text)}


def list_names(text: str) -> list[str]:
    """Return the qualified names of a list, in its order."""
    return [".".join(match.groups()) for match in _QUALIFIED.finditer(text)]


def find_words(text: str) -> set[str]:
    """Return the identifiers of a text, with their quotes."""
    return set(_NAME.findall(text))


def read_label(found: SchemaObject) -> str:
    """Return the name by which other objects mention this one: a function's name without its arguments."""
    if found.kind in ROUTINES:
        match = _QUALIFIED.match(found.name)
        return match.group() if match else found.name
    return found.parent if found.kind == "column" else found.name


def read_local(found: SchemaObject) -> str:
    """Return the name without schema, or without the table that it belongs to."""
    if found.parent and found.name.startswith(f"{found.parent}."):
        return found.name.removeprefix(f"{found.parent}.")
    match = _QUALIFIED.match(found.name)
    return match.group(2) if match else found.name


def unquote(name: str) -> str:
    """Return a single name as the catalog has it."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def read_schema(name: str) -> str:
    """Return the schema of a qualified name, with its quotes; empty if there is none."""
    match = _QUALIFIED.match(name)
    return match.group(1) if match else ""


def read_outside(definition: str) -> str:
    """Return a function's definition without a body that is a string: the server does not check it at creation."""
    match = _BODY.search(definition)
    return definition[: match.start()] if match else definition


def read_reads(found: SchemaObject) -> str:
    """Return the text in which an object mentions its dependencies."""
    facts = {name: value for name, value in found.facts.items() if name not in {"grants", "owner", "text"}}
    if found.kind in {"function", "procedure"}:
        return read_outside(facts.get("definition", ""))
    return " ".join([found.parent, *facts.values()])


def quote(text: str) -> str:
    """Return a text as a literal of SQL."""
    # With a backslash always as E'', which does not depend on standard_conforming_strings.
    doubled = text.replace("'", "''")
    return "E'" + doubled.replace("\\", "\\\\") + "'" if "\\" in doubled else f"'{doubled}'"


def parse_labels(text: str) -> list[str]:
    """Return the literals of a list, with their quotes."""
    return _QUOTED.findall(text)


def parse_settings(text: str) -> dict[str, str]:
    """Return `name=value, name=value` by name."""
    pairs = (pair.partition("=") for pair in _SETTING.split(text) if pair)
    return {name: value for name, _, value in pairs}


def split_list(text: str) -> Iterator[str]:
    """Yield the parts of a text between commas that stand outside of quotes and parentheses."""
    depth, start, quoted = 0, 0, ""
    for at, char in enumerate(text):
        if quoted:
            quoted = "" if char == quoted else quoted
        elif char in "'\"":
            quoted = char
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "," and depth == 0:
            yield text[start:at].strip()
            start = at + 1
    if text[start:].strip():
        yield text[start:].strip()
