"""SQL as text: places in it, its statements, and what a migration must not hold. PostgreSQL's own grammar decides.

The grammar's yes is sure and its no is not: a newer server may know more. So what it refuses is read again by a lexer
of our own, statement by statement, and one unknown statement hides nothing behind it. Offsets count characters from 0.
"""

from runner.sqltext.checks import check
from runner.sqltext.findings import Finding, Kind, SqlError
from runner.sqltext.lexer import is_blank
from runner.sqltext.library import GRAMMAR_MAJOR
from runner.sqltext.places import Position, excerpt, position
from runner.sqltext.statements import Statement, split
from runner.sqltext.transactions import blank_wrapper

__all__ = [
    "GRAMMAR_MAJOR",
    "Finding",
    "Kind",
    "Position",
    "SqlError",
    "Statement",
    "blank_wrapper",
    "check",
    "excerpt",
    "is_blank",
    "position",
    "split",
]
