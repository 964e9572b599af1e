"""A YAML file as values that know their line and column, with a list of the mistakes in it."""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import yaml

from tenantry.config.model import Mistake
from tenantry.model.errors import ConfigError, Problem

# Arbitrary, but far above the five levels of tenants.yaml and far below what crashes libyaml's recursive composer.
_MAX_DEPTH = 100

_TOO_DEEP = re.compile(rf"(?:[\[{{][^\[\]{{}}]*){{{_MAX_DEPTH}}}|^ *(?:[-?] +){{{_MAX_DEPTH}}}", re.MULTILINE)

# What YAML 1.2 allows; libyaml refuses the rest as well, but without saying where it stands.
_NO_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# libyaml parses a list of a thousand tenants many times faster; PyYAML is built without it on some platforms.
_LOADER: type[yaml.CSafeLoader | yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

EXAMPLE = """\
servers:
  main: embedded
tenants:
  migrations: migrations/tenant
  server: main
  database: tenant_{id}
  list: [1, 2]"""

# By a part of libyaml's message: connection strings and names are often written without the quotes that they need.
_CURES = {
    "mapping values": "put a value that contains a colon and a space in quotes",
    "cannot start any token": "put a value that begins with @, % or ` in quotes",
    "unknown escape character": "put the value in single quotes",
    "undefined alias": "put a value that begins with * in quotes",
    "unexpected end of stream": "close the quotes that {opened} opens",
    "did not find expected ',' or": "close the bracket that {opened} opens, and put commas between its values",
    "did not find expected key": "indent all keys of one mapping alike; its first one is in {opened}",
}

_QUOTE_BRACKET = "put a value that begins with { or [ in quotes"
_BRACKETED = re.compile(r":[ ]+(?:\{[^{}]*\}|\[[^\[\]]*\])[^\s,:}\]]")

Location = tuple[int | str, ...]

# What stands below these keys may hold a password.
SECRET = frozenset({"servers", "database"})


@dataclass(frozen=True, slots=True)
class Plain:
    """A YAML value other than text: its kind, and its spelling in the file."""

    kind: str
    text: str


# Stands for a value that was refused, so that it is not refused twice.
BROKEN = Plain("broken", "")


class Document:
    """The file as YAML nodes, with the mistakes found so far."""

    def __init__(self, path: Path, root: yaml.Node, loader: yaml.CSafeLoader | yaml.SafeLoader) -> None:
        self.root = root
        self.loader = loader
        self._path = path
        self._found: list[tuple[int, int, Problem]] = []
        self._warnings: list[Problem] = []
        self._moved: dict[Location, Location] = {}

    def move(self, location: Location, to: Location) -> None:
        """Report mistakes in the value at `location`, which was written in another form, where that form stands."""
        self._moved[location] = to

    def _place(self, location: Location) -> Location:
        """Return where the value at `location` was written."""
        for length in range(len(location), 0, -1):
            if location[:length] in self._moved:
                return (*self._moved[location[:length]], *location[length:])
        return location

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Return all problems: those outside the file, then those in it from top to bottom."""
        # By position alone: the sort is stable, so that several mistakes at one place keep the order of the checks.
        return tuple(problem for _, _, problem in sorted(self._found, key=lambda found: found[:2]))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Return the warnings: the file works, but should be better."""
        return tuple(self._warnings)

    def at(self, location: Location, *, key: bool = False) -> str:
        """Return `path:line:column` of the value at `location` or of its key; if missing, of the nearest parent."""
        line, column = self._find(self._place(location), key=key)
        return f"{self._path}:{line}:{column}"

    def line(self, location: Location) -> str:
        """Return the line of the value at `location`, for the middle of a message."""
        return f"line {self._find(self._place(location))[0]}"

    def refuse(self, location: Location, mistake: Mistake, *, key: bool = False) -> None:
        """Note a mistake in the value at `location`; `key`: in its key, with the mapping around it as the subject."""
        location = self._place(location)
        subject = join_location(location[:-1] if key else location)
        self._note(
            *self._find(location, key=key), f"{subject}: {mistake.what}" if subject else mistake.what, mistake.hint
        )

    def refuse_node(self, node: yaml.Node, what: str, hint: str = "") -> None:
        """Note a mistake in the YAML itself."""
        self._note(node.start_mark.line + 1, node.start_mark.column + 1, what, hint)

    def refuse_argument(self, subject: str, mistake: Mistake) -> None:
        """Note a mistake outside the file."""
        self._found.append((0, 0, Problem(f"{subject}: {mistake.what}", mistake.hint)))

    def warn(self, location: Location, mistake: Mistake) -> None:
        """Note something that works but should be better."""
        message = f"{self.at(location)}: {join_location(self._place(location))}: {mistake.what}"
        self._warnings.append(Problem(message, mistake.hint))

    def _note(self, line: int, column: int, text: str, hint: str) -> None:
        self._found.append((line, column, Problem(f"{self._path}:{line}:{column}: {text}", hint)))

    def _find(self, location: Location, *, key: bool = False) -> tuple[int, int]:
        """Return line and column, from 1, of the deepest node on the way to `location`."""
        node, mark = self.root, self.root.start_mark
        for name in location:
            pair = _find_child(node, name)
            if pair is None:
                break
            mark = (pair[0] if key and name == location[-1] else pair[1]).start_mark
            node = pair[1]
        return mark.line + 1, mark.column + 1


def _find_child(node: yaml.Node, name: int | str) -> tuple[yaml.Node, yaml.Node] | None:
    """Return key and value, the latter twice in a list. The last of equal keys counts: merged ones come first."""
    if isinstance(node, yaml.SequenceNode) and isinstance(name, int):
        return node.value[name], node.value[name]
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in reversed(node.value) if key.value == name), None)
    return None


def join_location(location: Location) -> str:
    """Return a location as messages name it: tenants.list[1].id."""
    shown = [_hide(name) if location[0] in SECRET else name for name in location if name != "[key]"]
    names = "".join(f"[{name}]" if isinstance(name, int) else f".{name}" for name in shown)
    return names.removeprefix(".")


def _hide(name: int | str) -> int | str:
    """Return a key under `servers` if it is a name: a connection string cut by a comma holds its password there."""
    return name if isinstance(name, int) or re.fullmatch(r"[\w-]+", name) else "..."


def stop(message: str, hint: str = "") -> NoReturn:
    """Raise a ConfigError of one problem, without its cause."""
    # A traceback with the cause could show a line of the file, and with it a password.
    raise ConfigError((Problem(message, hint),)) from None


def decode(raw: bytes, path: Path) -> str:
    """Return the text of a file. Raises ConfigError if it is not UTF-8."""
    hint = "save the file as UTF-8"
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        stop(f"{path}: UTF-16, expected UTF-8", hint)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        position = _find_end(raw[: error.start].decode("utf-8"))
        stop(f"{path}:{position}: invalid byte 0x{raw[error.start]:02x}, expected UTF-8", hint)


def _find_end(text: str) -> str:
    """Return `line:column` of the character that would follow `text`."""
    text = text.removeprefix("\ufeff")
    return f"{text.count(chr(10)) + 1}:{len(text) - text.rfind(chr(10))}"


def compose(text: str, path: Path) -> Document:
    """Return `text` as its one YAML document. Raises ConfigError if it is not one, or is nested absurdly deep."""
    # Windows editors write a byte-order mark; it would shift every column of the first line.
    text = text.removeprefix("\ufeff")
    if strange := _NO_TEXT.search(text):
        character = f"invalid character U+{ord(strange[0]):04X}"
        stop(f"{path}:{_find_end(text[: strange.start()])}: {character}, expected text in UTF-8")
    # Before libyaml sees it: its composer recurses in C, where too deep a nesting is a crash and no exception.
    if deep := _TOO_DEEP.search(text):
        stop(f"{path}:{_find_end(text[: deep.start()])}: nested too deeply, expected servers and tenants")
    loader = _LOADER(text)
    try:
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise ConfigError((_explain_yaml(error, text, path),)) from None
    if root is None:
        found = "only comments" if text.strip() else "empty"
        stop(f"{path}: {found}, expected servers and tenants", f"start with this:\n{EXAMPLE}")
    return Document(path, root, loader)


def _explain_yaml(error: yaml.MarkedYAMLError, text: str, path: Path) -> Problem:
    mark = error.problem_mark
    assert mark is not None  # every error of scanner, parser and composer carries one
    at = f"{path}:{mark.line + 1}:{mark.column + 1}"
    if error.context == "expected a single document in the stream":
        return Problem(f"{at}: a second YAML document, expected one", "remove the line --- and everything after it")
    if text[mark.index : mark.index + 1] == "\t":
        return Problem(f"{at}: a tab, expected spaces", "indent with spaces")
    opened = f"line {error.context_mark.line + 1}" if error.context_mark else "an earlier line"
    hint = next((hint for said, hint in _CURES.items() if said in (error.problem or "")), "").format(opened=opened)
    # Text after a closed bracket: {id}_bookings was meant as text.
    if _BRACKETED.search("".join(text.split("\n")[mark.line : mark.line + 1])):
        hint = _QUOTE_BRACKET
    said = ", ".join(filter(None, (error.context, error.problem)))
    return Problem(f"{at}: invalid YAML: {said}", hint)


class Reading:
    """Turns nodes into text, lists, mappings with text as keys, and `Plain`, each node once.

    Values that YAML 1.1 and 1.2 read differently stay as written: yes, no, on, off, dates and times are text.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._done: dict[int, object] = {}
        self._open: set[int] = set()

    def read(self, node: yaml.Node) -> object:
        """Return the value of `node`, or `BROKEN` if it has none."""
        # An alias is the anchor's own node: read once, its mistakes are reported once, at the anchor.
        if id(node) in self._done:
            return self._done[id(node)]
        if id(node) in self._open:
            return self._refuse(node, "an alias inside its own anchor, expected none")
        if len(self._open) > _MAX_DEPTH:
            return self._refuse(node, "nested too deeply, expected servers and tenants")
        self._open.add(id(node))
        value = self._read_new(node)
        self._open.discard(id(node))
        self._done[id(node)] = value
        return value

    def _read_new(self, node: yaml.Node) -> object:
        match node.tag.removeprefix("tag:yaml.org,2002:"), node:
            case "map", yaml.MappingNode():
                return self._read_mapping(node)
            case "seq", yaml.SequenceNode():
                return [self.read(child) for child in node.value]
            case "null", yaml.ScalarNode():
                return Plain("nothing", node.value)
            case (("int" | "float"), yaml.ScalarNode()):
                return Plain("number", node.value)
            case "bool", yaml.ScalarNode() if node.value.lower() in ("true", "false"):
                return Plain("boolean", node.value)
            case (("str" | "bool" | "timestamp" | "merge" | "value"), yaml.ScalarNode()):
                return node.value
        return self._refuse(node, f"tag {node.tag.replace('tag:yaml.org,2002:', '!!')}, expected plain YAML")

    def _read_mapping(self, node: yaml.MappingNode) -> object:
        # Before merging: a key of a merged mapping may well be repeated by the mapping itself, which overrides it.
        self._check_keys(node)
        try:
            self._document.loader.flatten_mapping(node)
        except yaml.MarkedYAMLError as error:
            return self._refuse(node, f"invalid merge key: {error.problem}")
        return {key.value: self.read(value) for key, value in node.value if isinstance(key, yaml.ScalarNode)}

    def _check_keys(self, node: yaml.MappingNode) -> None:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                # Such as {{ NAME }}, which a template left unfilled.
                self._refuse(key, "a list or a mapping as a key, expected text", _QUOTE_BRACKET)
            elif key.value in lines:
                first, second = lines[key.value], key.start_mark.line + 1
                self._refuse(key, f"key {key.value!r} is used twice: line {first}, line {second}")
            else:
                lines[key.value] = key.start_mark.line + 1

    def _refuse(self, node: yaml.Node, what: str, hint: str = "") -> object:
        self._document.refuse_node(node, what, hint)
        return BROKEN
