"""The faults of a migration's text, in words, each with its remedy."""

import re
from dataclasses import dataclass
from enum import StrEnum

from tenantry.sqltext.lexer import find_line_end
from tenantry.sqltext.library import GRAMMAR_MAJOR, ExcessError, RefusedError
from tenantry.sqltext.places import Position, position

_OPENED = {"'": ("quote", "'"), "e": ("quote", "'"), '"': ("quoted name", '"'), "/": ("comment", "*/")}
_PSQL_VARIABLE = re.compile(r""":(?:\{\?\w+\}|(['"]?)\w+\1)""")


class FaultKind(StrEnum):
    """The kind of a fault in the text of a migration. All but SYNTAX are certain for every version of the server."""

    SYNTAX = "syntax"
    UNTERMINATED = "unterminated"
    TRANSACTION_CONTROL = "transaction control"
    COPY_STDIN = "copy from stdin"
    PSQL_COMMAND = "psql command"
    NOT_IN_TRANSACTION = "not in a transaction"
    NO_QUERY = "no query"
    EXCESS = "excess"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault, and its remedy."""

    kind: FaultKind
    position: Position
    message: str
    hint: str


class SqlError(ValueError):
    """The text cannot be split: a quote or a comment in it never ends."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"{finding.position.line}:{finding.position.column}: {finding.message}")
        self.finding = finding


def transaction_control(sql: str, offset: int, name: str, transactional: bool) -> Finding:
    """Report a statement that begins, ends or marks a transaction."""
    reason = "the whole file runs in one transaction" if transactional else "each statement commits by itself"
    return Finding(
        FaultKind.TRANSACTION_CONTROL,
        position(sql, offset),
        f"{name} is transaction control, which only tenantry may use",
        f"remove it: {reason}",
    )


def not_in_transaction(sql: str, offset: int, name: str) -> Finding:
    """Report a statement that the server refuses inside a transaction."""
    return Finding(
        FaultKind.NOT_IN_TRANSACTION,
        position(sql, offset),
        f"{name} cannot run inside a transaction",
        'add the line "-- transactional: false" at the top, to run the file statement by statement',
    )


def no_query(sql: str, offset: int, what: str) -> Finding:
    """Report a statement that does more than read, or is not a query."""
    hint = "write a SELECT that changes nothing and locks nothing"
    return Finding(FaultKind.NO_QUERY, position(sql, offset), f"{what}, expected a query that only reads", hint)


def copy(sql: str, offset: int, *, rows_wanted: bool) -> Finding:
    """Report a COPY between server and client, by its direction."""
    if rows_wanted:
        message = "COPY ... FROM stdin reads rows from the client, which sends only SQL"
        hint = "write INSERT statements, or COPY from a file on the server"
    else:
        message = "COPY ... TO stdout sends rows to the client, which discards them"
        hint = "remove it, or COPY to a file on the server"
    return Finding(FaultKind.COPY_STDIN, position(sql, offset), message, hint)


# They tell psql how to run and show what follows, which is of no effect anywhere else. The variables that psql reads
# itself are in capitals.
_SETTINGS = re.compile(r"\\(?:(?:echo|encoding|pset|qecho|timing|x)\b|(?:un)?set\s+[A-Z_]+\b)")
_REMOVE = "remove the line: tenantry stops at the first error, and psql's settings mean nothing to it"


def psql_command(sql: str, offset: int) -> Finding:
    """Report the psql command that starts with the backslash at `offset`."""
    name = re.split(r"[\s;]", sql[offset : find_line_end(sql, offset)], maxsplit=1)[0]
    return Finding(
        FaultKind.PSQL_COMMAND,
        position(sql, offset),
        f"{name} is a psql command, not SQL",
        _REMOVE
        if _SETTINGS.match(sql, offset)
        else "write the same in SQL: only psql has commands that start with a backslash",
    )


def unterminated(sql: str, offset: int) -> Finding:
    """Report the quote or comment that begins at `offset` and never ends."""
    what, closing = _OPENED.get(sql[offset].lower()) or ("dollar quote", sql[offset : sql.index("$", offset + 1) + 1])
    return Finding(
        FaultKind.UNTERMINATED,
        position(sql, offset),
        f"unclosed {what}, expected a closing {closing}",
        "close it; if it looks closed, look for an earlier one that is not",
    )


def excess(sql: str, error: ExcessError) -> Finding:
    """Report a text that would take the server's scanner too long."""
    hint = "remove them: the time that the server needs to read them grows with the square of their number"
    return Finding(FaultKind.EXCESS, position(sql, error.offset), error.message, hint)


def refused(sql: str, refusal: RefusedError, start: int) -> Finding:
    """Report the parser's refusal of the text that starts at `start`."""
    offset = start + refusal.offset
    # The parser reports only a syntax error at the colon, which does not lead anyone to psql.
    if variable := _PSQL_VARIABLE.match(sql, offset):
        message, hint = f"{variable[0]} is a psql variable, not SQL", "write its value: only psql replaces variables"
        return Finding(FaultKind.PSQL_COMMAND, position(sql, offset), message, hint)
    hint = f"correct it: only a server newer than PostgreSQL {GRAMMAR_MAJOR} might know it"
    return Finding(FaultKind.SYNTAX, position(sql, offset), refusal.message, hint)
