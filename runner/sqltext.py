"""SQL as text: places in it, its statements, and what a migration must not hold. PostgreSQL's own grammar decides.

The grammar is libpg_query, out of the postgast wheel, whose Python code is never imported. Its yes is sure and its
no is not: a newer server may know more. So what it refuses is read again by a lexer of our own, statement by
statement, and one unknown statement hides nothing behind it. Offsets count characters from 0.
"""

import ctypes
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

# The PostgreSQL major whose grammar the library holds: it changes with the library alone.
GRAMMAR_MAJOR = 18

_LIBRARY_NAMES = ("libpg_query.so", "libpg_query.dylib", "pg_query.dll")
_SPACE = " \t\n\r\f\v"
# The library prints trees by recursion without a limit, and a sum of 60,000 terms overruns a stack of 8 MB. A level
# takes two characters at least, so this is safe by a factor of four. A longer statement is for the server to judge.
_LONGEST_TREE = 30_000
# Arbitrary, for the eye. The library quotes the whole token it stops at, and a token can be a string of many lines.
_LONGEST_MESSAGE = 100
_ROW_CELLS = 100  # Arbitrary, for the eye.
_TAB = "    "
_CONTROL_SHOWN = "\ufffd"
# They turn the direction of what follows them, and with it what a reviewer sees.
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Kind(StrEnum):
    """What can be wrong with the text of a migration. All but SYNTAX are certain, whatever the server's version."""

    SYNTAX = "syntax"
    UNTERMINATED = "unterminated"
    TRANSACTION_CONTROL = "transaction control"
    COPY_STDIN = "copy from stdin"
    PSQL_COMMAND = "psql command"
    NOT_IN_TRANSACTION = "not in a transaction"


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text. Both count from 1, the column in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: `text` is `[start:end]` of the file, from its first token, without the semicolon."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and what to do about it."""

    kind: Kind
    position: Position
    message: str
    hint: str


class SqlError(ValueError):
    """The text cannot be split: a quote or a comment in it never ends."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"{finding.position.line}:{finding.position.column}: {finding.message}")
        self.finding = finding


def position(text: str, offset: int) -> Position:
    """Return where a character stands; an offset past the end means the end."""
    offset = min(offset, len(text))
    return Position(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def is_blank(text: str) -> bool:
    """Return whether there is nothing but white space. Comments are something: a deliberate no-op."""
    return not text.strip(_SPACE)


def excerpt(text: str, at: Position, *, context: int = 1) -> str:
    """Return a line with its number and a caret under the column, and `context` lines before and after it.

    A tab is shown as four spaces, a control character as a replacement character, the cut of a long line as `…`.
    """
    lines = text.removesuffix("\n").split("\n") if at.line <= text.count("\n") else text.split("\n")
    first, last = max(at.line - context, 1), min(at.line + context, len(lines))
    gutter, rows = len(str(last)), list[str]()
    for number in range(first, last + 1):
        row, caret = _cut(lines[number - 1], at.column if number == at.line else 1)
        rows.append(f"{number:>{gutter}} | {row}".rstrip())
        if number == at.line:
            rows.append(f"{'':>{gutter}} | {'':>{caret}}^")
    return "\n".join(rows)


def split(text: str) -> tuple[Statement, ...]:
    """Return the statements in order; what lies between them is white space, comments and semicolons.

    Each thread that calls this takes one of the about 1,000 thread-local keys of the process for good, as the library
    does not give them back: call it from a pool, not from a thread per tenant.
    Raises SqlError where a quote or a comment never ends, ValueError for NUL.
    """
    try:
        return _parse(text)
    except _RefusedError:
        pieces = tuple(_read_pieces(text))
    if pieces[-1].fault is Kind.UNTERMINATED:
        raise SqlError(_unterminated(text, pieces[-1].at))
    return tuple(piece.statement for piece in pieces)


def count_statements(text: str) -> int:
    """Return how many statements there are; raises what `split` raises."""
    return len(split(text))


def blank_wrapper(text: str) -> str:
    """Return the text with one plain BEGIN ... COMMIT around the whole of it replaced by spaces.

    Line ends and the length stay, and with them every position. Any other transaction control is for `check` to
    report: a text with BEGIN ISOLATION LEVEL, or with a SAVEPOINT inside, is returned as it is.
    """
    opening = next(_significant(text), None)
    if opening is None or text[opening.start : opening.end].lower() not in ("begin", "start"):
        return text
    try:
        statements = split(text)
    except SqlError:
        return text
    first, last = statements[0], statements[-1]
    plain = _plain(first) in _PLAIN_BEGIN and _plain(last) in _PLAIN_COMMIT
    if not plain or any(_control(statement) for statement in statements[1:-1]):
        return text
    return _blank(_blank(text, first), last)


def check(sql: str, *, transactional: bool) -> tuple[Finding, ...]:
    """Return everything that is wrong with what is to be sent (a plain wrapper blanked), in order of position.

    SYNTAX is certain only for servers up to GRAMMAR_MAJOR. Raises ValueError for NUL.
    """
    try:
        statements = _parse(sql)
    except _RefusedError:
        found = [finding for piece in _read_pieces(sql) for finding in _check_piece(sql, piece, transactional)]
        return _without_noise(found)
    return tuple(_check_statements(sql, statements, 0, transactional))


def _check_statements(sql: str, statements: Iterable[Statement], start: int, transactional: bool) -> Iterator[Finding]:
    """Yield what is wrong with statements that the parser knows, split from the part of `sql` at `start`."""
    for statement in statements:
        if finding := _check_statement(sql, statement, start + statement.start, transactional):
            yield finding


def _check_statement(sql: str, statement: Statement, offset: int, transactional: bool) -> Finding | None:
    if name := _control(statement):
        return _transaction_control(sql, offset, name, transactional)
    if not _SUSPECT.match(statement.text) or len(statement.text) > _LONGEST_TREE:
        return None
    tag, node = _read_tree(statement.text)
    if tag == "CopyStmt" and "filename" not in node:
        return _copy(sql, offset, rows_wanted="is_from" in node)
    name = _NOT_IN_TRANSACTION[tag](node) if transactional and tag in _NOT_IN_TRANSACTION else ""
    return _not_in_transaction(sql, offset, name) if name else None


def _check_piece(sql: str, piece: "_Piece", transactional: bool) -> Iterator[Finding]:
    """Yield what is wrong with one statement of a text that the parser refuses as a whole."""
    if piece.fault is Kind.COPY_STDIN:
        yield _copy(sql, piece.statement.start, rows_wanted=True)
    elif piece.fault is Kind.PSQL_COMMAND:
        yield _psql_command(sql, piece.at)
    else:
        yield from _check_alone(sql, piece, transactional)
    if piece.fault is Kind.UNTERMINATED:
        yield _unterminated(sql, piece.at)


def _check_alone(sql: str, piece: "_Piece", transactional: bool) -> Iterator[Finding]:
    """Yield what is wrong with a statement before the quote in it, if any, that never ends."""
    start = piece.statement.start
    try:
        statements = _parse(_blank_comments(sql[start : piece.next]).rstrip(_SPACE))
    except _RefusedError as refusal:
        if name := _control(piece.statement):
            yield _transaction_control(sql, start, name, transactional)
        if piece.fault is None or not refusal.message.startswith("unterminated"):
            yield _refused(sql, refusal, start)
    else:
        yield from _check_statements(sql, statements, start, transactional)


def _without_noise(found: list[Finding]) -> tuple[Finding, ...]:
    """Return the findings that can be trusted: behind an unclosed quote, strings are read as code and code as strings.

    Where it was opened is anybody's guess; the first syntax error is the nearest place that is known.
    """
    if not found or found[-1].kind is not Kind.UNTERMINATED:
        return tuple(found)
    first = next((index for index, finding in enumerate(found) if finding.kind is Kind.SYNTAX), len(found) - 1)
    return tuple(dict.fromkeys((*found[: first + 1], found[-1])))


def _transaction_control(sql: str, offset: int, name: str, transactional: bool) -> Finding:
    reason = "the whole file runs in one transaction" if transactional else "each statement commits by itself"
    return Finding(
        Kind.TRANSACTION_CONTROL,
        position(sql, offset),
        f"{name} is transaction control, which is the runner's alone",
        f"remove it: {reason}",
    )


def _not_in_transaction(sql: str, offset: int, name: str) -> Finding:
    return Finding(
        Kind.NOT_IN_TRANSACTION,
        position(sql, offset),
        f"{name} cannot run inside a transaction",
        'put the line "-- transactional: false" at the top of the file, which then runs statement by statement',
    )


def _copy(sql: str, offset: int, *, rows_wanted: bool) -> Finding:
    if rows_wanted:
        message = "COPY ... FROM stdin takes rows from the client, which sends SQL alone"
        hint = "write INSERT statements, or COPY from a file of the server"
    else:
        message = "COPY ... TO stdout sends rows to the client, which has no use for them"
        hint = "remove it, or COPY to a file of the server"
    return Finding(Kind.COPY_STDIN, position(sql, offset), message, hint)


def _psql_command(sql: str, offset: int) -> Finding:
    name = re.split(r"[\s;]", sql[offset : _end_line(sql, offset)], maxsplit=1)[0]
    return Finding(
        Kind.PSQL_COMMAND,
        position(sql, offset),
        f"{name} is a command of psql, not SQL",
        "write what it does as SQL: only psql knows commands that start with a backslash",
    )


def _unterminated(sql: str, offset: int) -> Finding:
    what, closing = _OPENED.get(sql[offset].lower()) or ("dollar quote", sql[offset : sql.index("$", offset + 1) + 1])
    return Finding(
        Kind.UNTERMINATED,
        position(sql, offset),
        f"unclosed {what}, expected a closing {closing}",
        "close it; where it looks closed, an earlier one is not",
    )


def _refused(sql: str, refusal: "_RefusedError", start: int) -> Finding:
    """Return the finding for what the parser said of the text that starts at `start`."""
    offset = start + refusal.offset
    if variable := _PSQL_VARIABLE.match(sql, offset):
        message, hint = f"{variable[0]} is a variable of psql, not SQL", "write its value: only psql puts values in"
        return Finding(Kind.PSQL_COMMAND, position(sql, offset), message, hint)
    hint = f"correct it: only a server newer than PostgreSQL {GRAMMAR_MAJOR} might know it"
    return Finding(Kind.SYNTAX, position(sql, offset), refusal.message, hint)


# The first word decides: no other statement of the grammar begins with one of these, but for PREPARE.
_CONTROL = re.compile(r"(?:abort|begin|commit|end|prepare|release|rollback|savepoint|start)(?![\w$])", re.IGNORECASE)
_PLAIN_BEGIN = frozenset({"begin", "begin work", "begin transaction", "start transaction"})
_PLAIN_COMMIT = frozenset({"commit", "commit work", "commit transaction", "end", "end work", "end transaction"})


def _control(statement: Statement) -> str:
    """Return the name of a statement that begins, ends or marks a transaction; empty for all others."""
    match = _CONTROL.match(statement.text)
    word = match[0].upper() if match else ""
    if word == "PREPARE":
        return "PREPARE TRANSACTION" if _prepares_transaction(statement.text) else ""
    return "START TRANSACTION" if word == "START" else word


def _prepares_transaction(text: str) -> bool:
    """Tell PREPARE TRANSACTION 'x' from a prepared statement that is called transaction."""
    _, *words = [text[token.start : token.end].lower() for token in islice(_significant(text), 3)]
    return len(words) == 2 and words[0] == "transaction" and words[1] not in ("as", "(")


def _plain(statement: Statement) -> str:
    """Return the words of a statement in lower case with one space between them."""
    return " ".join(statement.text[token.start : token.end].lower() for token in _significant(statement.text))


def _blank(text: str, statement: Statement) -> str:
    """Return the text with a statement and its semicolon as spaces, line ends kept."""
    after = next(_significant(text, statement.end), None)
    end = after.end if after and text[after.start] == ";" else statement.end
    return text[: statement.start] + re.sub(".", " ", text[statement.start : end]) + text[end:]


_Node = dict[str, Any]


def _option(node: _Node, name: str, default: str) -> str:
    """Return the value of an option in lower case, "true" for one without a value, `default` for one not given."""
    for element in (*node.get("params", ()), *node.get("options", ())):
        if element["DefElem"]["defname"] == name:
            return _value(element["DefElem"].get("arg"))
    return default


def _value(argument: _Node | None) -> str:
    if argument is None:
        return "true"
    if "TypeName" in argument:  # The grammar takes an unquoted word for the name of a type, `off` among them.
        argument = argument["TypeName"]["names"][-1]
    ((tag, value),) = argument.items()
    return str(value.get("sval", value.get("ival", 0 if tag == "Integer" else ""))).lower()


def _is_on(node: _Node, name: str, default: str) -> bool:
    """Return the value of an option as PostgreSQL's defGetBoolean reads it."""
    return _option(node, name, default) not in ("false", "off", "0")


def _detaches_concurrently(node: _Node) -> bool:
    commands = [command["AlterTableCmd"].get("def", {}) for command in node["cmds"]]
    return any(command.get("PartitionCmd", {}).get("concurrent") for command in commands)


def _reindex(node: _Node) -> str:
    target = node["kind"].removeprefix("REINDEX_OBJECT_")
    if target in ("SCHEMA", "DATABASE", "SYSTEM"):
        return f"REINDEX {target}"
    return f"REINDEX {target} CONCURRENTLY" if _is_on(node, "concurrently", "false") else ""


def _create_subscription(node: _Node) -> str:
    connects = _is_on(node, "connect", "true")
    return "CREATE SUBSCRIPTION with a slot" if connects and _is_on(node, "create_slot", "true") else ""


def _alter_subscription(node: _Node) -> str:
    kind = node["kind"].removeprefix("ALTER_SUBSCRIPTION_")
    if kind == "REFRESH" or (kind.endswith("_PUBLICATION") and _is_on(node, "refresh", "true")):
        return "ALTER SUBSCRIPTION with a refresh"
    return ""


# The names of what calls PreventInTransactionBlock in the server, by tag of the tree; empty where a form may run.
# What only the server can know is not in it: a partitioned table, a COMMIT in a procedure, a subscription's slot.
_NOT_IN_TRANSACTION: dict[str, Callable[[_Node], str]] = {
    "AlterDatabaseStmt": lambda node: "ALTER DATABASE ... SET TABLESPACE" if _option(node, "tablespace", "") else "",
    "AlterSubscriptionStmt": _alter_subscription,
    "AlterSystemStmt": lambda _: "ALTER SYSTEM",
    "AlterTableStmt": lambda node: "DETACH PARTITION CONCURRENTLY" if _detaches_concurrently(node) else "",
    "ClusterStmt": lambda node: "" if "relation" in node else "CLUSTER of all tables",
    "CreateSubscriptionStmt": _create_subscription,
    "CreateTableSpaceStmt": lambda _: "CREATE TABLESPACE",
    "CreatedbStmt": lambda _: "CREATE DATABASE",
    "DiscardStmt": lambda node: "DISCARD ALL" if node["target"] == "DISCARD_ALL" else "",
    "DropStmt": lambda node: "DROP INDEX CONCURRENTLY" if node.get("concurrent") else "",
    "DropTableSpaceStmt": lambda _: "DROP TABLESPACE",
    "DropdbStmt": lambda _: "DROP DATABASE",
    "IndexStmt": lambda node: "CREATE INDEX CONCURRENTLY" if node.get("concurrent") else "",
    "ReindexStmt": _reindex,
    "VacuumStmt": lambda node: "VACUUM" if node.get("is_vacuumcmd") else "",
}

# What `_check_statement` has a use for the tree of: reading trees is by far the slowest part.
_SUSPECT = re.compile(
    r"(?:cluster|copy|discard|reindex|vacuum)\b"
    r"|(?:alter|create|drop)\b.*?\b(?:concurrently|database|subscription|system|tablespace)\b",
    re.IGNORECASE | re.DOTALL,
)


class _Token(NamedTuple):
    """One token; `kind` is blank (a comment too), quoted, open (a quote or comment that never ends), word or other."""

    kind: str
    start: int
    end: int


# A letter, _ or what is beyond ASCII; the second one a digit too. By what they are not: ranges are slow to compile.
_FIRST, _NEXT = r"[^\x00-@\[-^`{-\x7f]", r"[^\x00-/:-@\[-^`{-\x7f]"
_TAG = rf"\$(?:{_FIRST}{_NEXT}*+)?\$"
# What the server's scan.l takes for one token, as far as it matters for where a statement ends.
_ESCAPED = r"'(?:[^'\\]|\\.|'')*+'"
_TOKEN = re.compile(
    rf"""
      (?P<blank> (?: [ \t\n\r\f\v] | --[^\n\r]* )++ )
    | (?P<comment> /\* )
    | (?P<quoted> [eE]{_ESCAPED} | '(?: [^'] | '' )*+' | "(?: [^"] | "" )*+" | (?P<tag> {_TAG} ) .*? (?P=tag) )
    | (?P<open> [eE]?' | " | {_TAG} )
    | (?P<word> {_FIRST}(?: {_NEXT} | \$ )*+ )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_PART = re.compile(_ESCAPED, re.DOTALL)
_LINE_COMMENT = re.compile(r"--[^\n\r]*")
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_OPENED = {"'": ("quote", "'"), "e": ("quote", "'"), '"': ("quoted name", '"'), "/": ("comment", "*/")}
_PSQL_VARIABLE = re.compile(r""":(?:\{\?\w+\}|(['"]?)\w+\1)""")
_COPY_END = re.compile(r"^\\\.[ \t]*$", re.MULTILINE)


def _read_tokens(text: str, start: int = 0) -> Iterator[_Token]:
    """Yield the tokens of a text from `start` on, with nothing left between them."""
    escapes = False
    while match := _TOKEN.match(text, start):
        kind, end = match.lastgroup or "", match.end()
        if kind == "comment":
            kind, end = _end_comment(text, start)
        elif escapes and text[start] == "'":
            kind, end = _end_part(text, start)
        yield _Token(kind, start, len(text) if kind == "open" else end)
        if kind != "blank" and text[start] != "'":
            escapes = kind == "quoted" and text[start] in "eE"
        start = end


def _end_comment(text: str, start: int) -> tuple[str, int]:
    """Return what a comment that starts there is, and its end: comments nest."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, start):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return "blank", edge.end()
    return "open", len(text)


def _end_part(text: str, start: int) -> tuple[str, int]:
    """Return what a further part of an escape string is, and its end: a string goes on where white space parts it."""
    match = _PART.match(text, start)
    return ("quoted", match.end()) if match else ("open", len(text))


def _significant(text: str, start: int = 0) -> Iterator[_Token]:
    """Yield the tokens without white space and comments."""
    return (token for token in _read_tokens(text, start) if token.kind != "blank")


def _blank_comments(text: str) -> str:
    """Return the text with every comment that ends with its line as spaces.

    The server takes them between the parts of one string, the library does not: it makes tokens of them.
    """
    parts = [(token, text[token.start : token.end]) for token in _read_tokens(text)]
    return "".join(
        _LINE_COMMENT.sub(_spaces, part) if token.kind == "blank" and part[0] != "/" else part for token, part in parts
    )


def _spaces(match: re.Match[str]) -> str:
    return " " * len(match[0])


class _Piece(NamedTuple):
    """One statement of a text that the parser refuses: `fault` is what is seen wrong in it already, and `at` where.

    `next` is where the next statement may start.
    """

    statement: Statement
    next: int
    fault: Kind | None = None
    at: int = 0


def _read_pieces(text: str) -> Iterator[_Piece]:
    """Yield the statements of a text as psql would find them. Only the last one can be unterminated."""
    piece = _read_piece(text, 0)
    while piece:
        yield piece
        piece = _read_piece(text, piece.next)


def _read_piece(text: str, start: int) -> _Piece | None:
    """Return the first statement from `start` on; None where there is none."""
    reader, first = _Reader(), -1
    for token in _significant(text, start):
        char = text[token.start]
        ends = char == ";" and reader.may_end
        if ends and first < 0:
            continue
        first = token.start if first < 0 else first
        if ends and reader.copies:
            return _make_piece(text, first, _end_copy(text, token.end), Kind.COPY_STDIN, first)
        if ends:
            return _make_piece(text, first, token.start)._replace(next=token.end)
        if token.kind == "open":
            return _make_piece(text, first, token.end, Kind.UNTERMINATED, token.start)
        if char == "\\":
            return _make_piece(text, first, _end_line(text, token.start), Kind.PSQL_COMMAND, token.start)
        reader.read(text[token.start : token.end].lower(), token.kind)
    return _make_piece(text, first, len(text)) if first >= 0 else None


def _make_piece(text: str, start: int, end: int, fault: Kind | None = None, at: int = 0) -> _Piece:
    return _Piece(_make_statement(text, start, end), end, fault, at)


def _make_statement(text: str, start: int, end: int) -> Statement:
    statement = text[start:end].rstrip(_SPACE)
    return Statement(start, start + len(statement), statement)


def _end_line(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _end_copy(text: str, start: int) -> int:
    """Return where the rows behind a COPY ... FROM stdin end: after the line `\\.`, else with the text."""
    match = _COPY_END.search(text, start)
    return match.end() if match else len(text)


@dataclass(slots=True)
class _Reader:
    """What the tokens of a statement so far say of where it ends."""

    head: list[str] = field(default_factory=list)
    last: str = ""
    parens: int = 0
    blocks: int = 0
    copies: bool = False

    @property
    def may_end(self) -> bool:
        """Return whether a semicolon here is the end: not in a BEGIN ATOMIC body, nor in the parentheses of a RULE.

        In no other statement does a parenthesis hold one, so that one too many hides nothing.
        """
        return not self.blocks and (not self.parens or "rule" not in self.head)

    def read(self, word: str, kind: str) -> None:
        """Take the next token, in lower case."""
        self.parens = max(0, self.parens + (word == "(") - (word == ")"))
        if kind == "word" and len(self.head) < 4:
            self.head.append(word)
        if (self.last, word) == ("begin", "atomic"):
            self.blocks = 1
        elif self.blocks:
            self.blocks += (word == "case") - (word == "end")
        if (self.last, word) == ("from", "stdin") and not self.parens:
            self.copies = self.head[0] == "copy"
        self.last = word


class _RefusedError(Exception):
    """The parser does not know the text; `offset` is where it stopped, from the start of what it was given."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class _Error(ctypes.Structure):
    _fields_ = (
        ("message", ctypes.c_char_p),
        ("funcname", ctypes.c_char_p),
        ("filename", ctypes.c_char_p),
        ("lineno", ctypes.c_int),
        ("cursorpos", ctypes.c_int),
        ("context", ctypes.c_char_p),
    )


class _ParseResult(ctypes.Structure):
    _fields_ = (
        ("parse_tree", ctypes.c_char_p),
        ("stderr_buffer", ctypes.c_char_p),
        ("error", ctypes.POINTER(_Error)),
    )


class _Span(ctypes.Structure):
    _fields_ = (("start", ctypes.c_int), ("length", ctypes.c_int))


class _SplitResult(ctypes.Structure):
    _fields_ = (
        ("spans", ctypes.POINTER(ctypes.POINTER(_Span))),
        ("count", ctypes.c_int),
        ("stderr_buffer", ctypes.c_char_p),
        ("error", ctypes.POINTER(_Error)),
    )


@cache
def _library() -> ctypes.CDLL:
    """Load libpg_query. It keeps its state by thread, so that threads may call it at the same time."""
    spec = find_spec("postgast")
    folders = spec.submodule_search_locations or () if spec else ()
    paths = [path for folder in folders for name in _LIBRARY_NAMES if (path := Path(folder) / name).exists()]
    if not paths:
        raise ImportError("postgast: holds no libpg_query, expected the wheel for this platform", name="postgast")
    library = ctypes.CDLL(str(paths[0]))
    for name, result in (("parse", _ParseResult), ("split_with_parser", _SplitResult)):
        getattr(library, f"pg_query_{name}").argtypes = [ctypes.c_char_p]
        getattr(library, f"pg_query_{name}").restype = result
    for name, result in (("parse", _ParseResult), ("split", _SplitResult)):
        getattr(library, f"pg_query_free_{name}_result").argtypes = [result]
        getattr(library, f"pg_query_free_{name}_result").restype = None
    return library


def _encode(text: str) -> bytes:
    if "\0" in text:
        raise ValueError("SQL: holds a NUL character, expected text that PostgreSQL can take")
    return text.encode()


def _refuse(error: _Error) -> _RefusedError:
    message: str = error.message.decode()
    short = message.partition("\n")[0][:_LONGEST_MESSAGE]
    return _RefusedError(message if short == message else f'{short}…"', max(error.cursorpos - 1, 0))


def _parse(text: str) -> tuple[Statement, ...]:
    """Return the statements of a text that the parser knows; raises _RefusedError for any other."""
    data = _encode(text)
    library = _library()
    result = library.pg_query_split_with_parser(data)
    try:
        if result.error:
            raise _refuse(result.error.contents)
        spans = [result.spans[index].contents for index in range(result.count)]
        marks = [mark for span in spans for mark in (span.start, span.start + span.length)]
    finally:
        library.pg_query_free_split_result(result)
    offsets = iter(marks if text.isascii() else _count_characters(data, marks))
    return tuple(_make_statement(text, start, end) for start, end in zip(offsets, offsets, strict=True))


def _count_characters(data: bytes, marks: Iterable[int]) -> Iterator[int]:
    """Yield for each offset in bytes, in order, the offset in characters."""
    last = characters = 0
    for mark in marks:
        characters += len(data[last:mark].decode())
        last = mark
        yield characters


def _read_tree(text: str) -> tuple[str, _Node]:
    """Return the tag and the node of a statement that the parser knows; ("", {}) where it nests too deep to read."""
    import json  # Slow to import, and needed for few files only.

    library = _library()
    result = library.pg_query_parse(_encode(text))
    try:
        ((tag, node),) = json.loads(result.parse_tree)["stmts"][0]["stmt"].items()
    except RecursionError:
        return "", {}
    finally:
        library.pg_query_free_parse_result(result)
    return tag, node


def _cut(line: str, column: int) -> tuple[str, int]:
    """Return the part of a line around a column as it is shown, and how many cells of it stand before the column."""
    before, after = line[: column - 1], line[column - 1 :]
    tail = _show(after, _ROW_CELLS)
    head = _show(reversed(before), _ROW_CELLS - min(_count_cells(tail), _ROW_CELLS // 3))[::-1]
    tail = _show(after, _ROW_CELLS - _count_cells(head))
    left = "…" if len(head) < len(before) else ""
    right = "…" if len(tail) < len(after) else ""
    return f"{left}{''.join(head)}{''.join(tail)}{right}", len(left) + _count_cells(head)


def _show(characters: Iterable[str], cells: int) -> list[str]:
    """Return as many characters as fit, each as it is shown."""
    shown: list[str] = []
    for character in characters:
        shown.append(_show_character(character))
        cells -= _count_cells(shown[-1])
        if cells < 0:
            shown.pop()
            break
    return shown


def _show_character(character: str) -> str:
    if character == "\t":
        return _TAB
    return _CONTROL_SHOWN if unicodedata.category(character) == "Cc" or character in _DIRECTIONS else character


def _count_cells(shown: Iterable[str]) -> int:
    """Return how many cells of a terminal the characters take: none for a combining one, two for a wide one."""
    return sum(_width(character) for part in shown for character in part)


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf") or "\u1160" <= character <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
