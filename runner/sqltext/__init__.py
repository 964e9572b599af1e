"""SQL as text: its positions and statements, and the faults of a migration. PostgreSQL's own grammar decides.

An acceptance by the grammar is certain, a refusal is not: a newer server may know more. So a refused text is read again
by our own lexer, statement by statement, and one unknown statement hides no fault after it. Offsets count characters
from 0.
"""

from tenantry.sqltext.blocks import find_in_block
from tenantry.sqltext.checks import MOST_FINDINGS, check
from tenantry.sqltext.classes import LockClass, classify, is_strong, leave_relations, sets_lock_timeout
from tenantry.sqltext.escaping import escape_sql
from tenantry.sqltext.findings import FaultKind, Finding, SqlError
from tenantry.sqltext.lexer import is_blank
from tenantry.sqltext.library import GRAMMAR_MAJOR
from tenantry.sqltext.outside import blank_outside, find_outside, name_outside
from tenantry.sqltext.places import Position, excerpt, position
from tenantry.sqltext.queries import check_queries
from tenantry.sqltext.shapes import find_calls, group_alike, read_shape
from tenantry.sqltext.standalone import changes_session, must_stand_alone, read_act
from tenantry.sqltext.statements import Statement, split
from tenantry.sqltext.tokens import same_tokens
from tenantry.sqltext.transactions import blank_wrapper
from tenantry.sqltext.unseen import find_unseen, find_written

__all__ = [
    "GRAMMAR_MAJOR",
    "MOST_FINDINGS",
    "FaultKind",
    "Finding",
    "LockClass",
    "Position",
    "SqlError",
    "Statement",
    "blank_outside",
    "blank_wrapper",
    "changes_session",
    "check",
    "check_queries",
    "classify",
    "escape_sql",
    "excerpt",
    "find_calls",
    "find_in_block",
    "find_outside",
    "find_unseen",
    "find_written",
    "group_alike",
    "is_blank",
    "is_strong",
    "leave_relations",
    "must_stand_alone",
    "name_outside",
    "position",
    "read_act",
    "read_shape",
    "same_tokens",
    "sets_lock_timeout",
    "split",
]
