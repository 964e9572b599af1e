"""The faults of a migration, found statement by statement: an unknown statement hides no fault after it."""

from collections.abc import Iterable, Iterator
from itertools import islice

from tenantry.sqltext import findings
from tenantry.sqltext.findings import FaultKind, Finding
from tenantry.sqltext.lexer import SPACE, blank_comments
from tenantry.sqltext.library import ExcessError, RefusedError
from tenantry.sqltext.statements import Piece, Statement, parse, read_pieces
from tenantry.sqltext.transactions import name_control
from tenantry.sqltext.trees import name_barred, read_suspect

# Arbitrary, for the eye. Each has its place counted in the whole text, so that a dump of another tool would take hours.
MOST_FINDINGS = 100


def check(sql: str, *, transactional: bool) -> tuple[Finding, ...]:
    """Return the faults of a text to be sent (with a plain wrapper blanked), in order of position.

    There may be more than the first `MOST_FINDINGS`, which are all that is looked for.
    SYNTAX is certain only for servers up to GRAMMAR_MAJOR. Raises ValueError for NUL.
    """
    # The whole text at once for almost every file; the slow way by pieces only where that fails.
    try:
        statements = parse(sql)
    except ExcessError as excess:
        return (findings.excess(sql, excess),)
    except RefusedError:
        found = (finding for piece in read_pieces(sql) for finding in _check_piece(sql, piece, transactional))
        return _without_noise(list(islice(found, MOST_FINDINGS)))
    return tuple(islice(_check_statements(sql, statements, 0, transactional), MOST_FINDINGS))


def _check_statements(sql: str, statements: Iterable[Statement], start: int, transactional: bool) -> Iterator[Finding]:
    """Yield the faults of statements that the parser knows, split from the part of `sql` at `start`."""
    for statement in statements:
        if finding := _check_statement(sql, statement, start + statement.start, transactional):
            yield finding


def _check_statement(sql: str, statement: Statement, offset: int, transactional: bool) -> Finding | None:
    if name := name_control(statement):
        return findings.transaction_control(sql, offset, name, transactional)
    tag, node = read_suspect(statement.text)
    if tag == "CopyStmt" and "filename" not in node:
        return findings.copy(sql, offset, rows_wanted="is_from" in node)
    name = name_barred(tag, node) if transactional else ""
    return findings.not_in_transaction(sql, offset, name) if name else None


def _check_piece(sql: str, piece: Piece, transactional: bool) -> Iterator[Finding]:
    """Yield the faults of one statement of a text that the parser refuses as a whole."""
    if piece.fault is FaultKind.COPY_STDIN:
        yield findings.copy(sql, piece.statement.start, rows_wanted=True)
    elif piece.fault is FaultKind.PSQL_COMMAND:
        yield findings.psql_command(sql, piece.at)
    else:
        yield from _check_alone(sql, piece, transactional)
    if piece.fault is FaultKind.UNTERMINATED:
        yield findings.unterminated(sql, piece.at)


def _check_alone(sql: str, piece: Piece, transactional: bool) -> Iterator[Finding]:
    """Yield the faults of a statement before its unclosed quote, if any."""
    start = piece.statement.start
    try:
        statements = parse(blank_comments(sql[start : piece.next]).rstrip(SPACE))
    except RefusedError as refusal:
        if name := name_control(piece.statement):
            yield findings.transaction_control(sql, start, name, transactional)
        # The unclosed quote is reported by the caller, at its opening and not where the text happens to end.
        if piece.fault is None or not refusal.message.startswith("unterminated"):
            yield findings.refused(sql, refusal, start)
    else:
        yield from _check_statements(sql, statements, start, transactional)


def _without_noise(found: list[Finding]) -> tuple[Finding, ...]:
    """Return the trustworthy findings: after an unclosed quote, strings are read as code and code as strings.

    Nobody can tell which quote is missing; the first syntax error is the nearest known position.
    """
    if not found or found[-1].kind is not FaultKind.UNTERMINATED:
        return tuple(found)
    first = next((index for index, finding in enumerate(found) if finding.kind is FaultKind.SYNTAX), len(found) - 1)
    return tuple(dict.fromkeys((*found[: first + 1], found[-1])))
