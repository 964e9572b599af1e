"""An UPDATE or DELETE without a condition: every row is locked until the last one is written."""

import re
from collections.abc import Iterator
from dataclasses import replace

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import NAMES, Match, Rule
from tenantry.lint.tree import squeeze, strings, walk
from tenantry.lint.words import BATCHED, advise, show
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Harm, Level
from tenantry.sqltext.bodies import InnerStatement, read_block, read_function
from tenantry.sqltext.library import Node
from tenantry.sqltext.names import quote

_VERBS = {"UpdateStmt": "written", "DeleteStmt": "deleted", "MergeStmt": "written"}
# The statements that call functions and procedures for what these do.
_CALLERS = ("CallStmt", "DoStmt", "SelectStmt")
_CALL = re.compile(r'("(?:[^"]|"")+"|[^\W\d][\w$]*)\s*\(')
_OF_FUNCTION = "write what the function does as a statement of its own, in a file with `-- batch: 5000 pause 100ms`"
# Without one of these, a condition has the same value for all rows; a function may have another one for each.
_ABOUT_ROWS = ("ColumnRef", "CurrentOfExpr", "FuncCall", "ParamRef", "SubLink")


def _check(file: LintedFile) -> Iterator[Match]:
    if file.migration.directives.batch:
        return
    for part in file.parts:
        # Under a stronger lock, the rule `backfill` reports it.
        for change in () if part.holds_lock() else (*_read_changes(part), *_read_called(file, part)):
            table = part.find(change.node["relation"])
            joined = _find_joined(part, change.node)
            if table and change.tag in _VERBS and (joined or has_no_condition(change.node)):
                done, rest = _VERBS[change.tag], "in one transaction: writes to them wait until it ends"
                matching = f" with a match in {', '.join(map(show, joined))}" if joined else ""
                yield Match(
                    part.start + change.start,
                    f"every row of {show(table)}{matching} is {done} {rest}",
                    _advise(part, change),
                    (table,),
                    joined,
                    name=show(table),
                    many=f"every row of {NAMES}{matching} is {done} {rest}",
                )


def has_no_condition(node: Node) -> bool:
    """Return whether a change finds all rows: it has no WHERE, or one that is about nothing in them."""
    where = node.get("whereClause") or node.get("joinCondition")
    return where is None or _is_constant(where, wanted=True)


def _find_joined(part: LintedStatement, node: Node) -> tuple[str, ...]:
    """Return the tables that decide alone which rows are changed: all with a match in them, but for those of a file."""
    sources = [*node.get("fromClause", ()), *node.get("usingClause", ())]
    tables = [part.find(each["RangeVar"]) if "RangeVar" in each else "" for each in sources]
    where = node.get("whereClause")
    # A table that is joined with itself is searched for duplicates.
    own = not where or part.find(node["relation"]) in tables
    return tuple(tables) if where and not own and all(tables) and _is_join(where) else ()


def _is_join(condition: Node) -> bool:
    """Return whether a condition is that columns are equal, and nothing else."""
    ((tag, node),) = condition.items()
    if tag == "BoolExpr":
        return node["boolop"] == "AND_EXPR" and all(map(_is_join, node["args"]))
    if tag != "A_Expr" or strings(node["name"]) != ["="]:
        return False
    return all("ColumnRef" in node.get(side, ()) for side in ("lexpr", "rexpr"))


def _is_constant(condition: Node, *, wanted: bool) -> bool:
    """Return whether a condition has the wanted value for all rows, whatever is in them."""
    ((tag, node),) = condition.items()
    if tag == "BoolExpr":
        kind, parts = node["boolop"], node["args"]
        if kind == "NOT_EXPR":
            return _is_constant(parts[0], wanted=not wanted)
        # One true part of an OR is enough, and one false part of an AND.
        found = (_is_constant(part, wanted=wanted) for part in parts)
        return any(found) if wanted is (kind == "OR_EXPR") else all(found)
    if tag == "A_Const" and "boolval" in node:
        return bool(node["boolval"].get("boolval", False)) is wanted
    # Of a comparison of constants, nobody would write a false one.
    return wanted and not any(kind in _ABOUT_ROWS for kind, _ in walk(condition))


def _read_changes(part: LintedStatement) -> Iterator[InnerStatement]:
    """Yield the changes of rows in a statement, wherever they stand in it."""
    if part.tag in _VERBS:
        yield InnerStatement(0, part.text, part.tag, part.node, whole=part.tag != "MergeStmt")
    for inner in read_block(part.text, part.node) if part.tag == "DoStmt" else ():
        yield inner
        yield from _read_nested(inner.node, inner.start)
    yield from _read_nested(part.node, 0)


def _read_called(file: LintedFile, part: LintedStatement) -> Iterator[InnerStatement]:
    """Yield the changes of rows in the functions of these files that a statement calls, if it writes their tables."""
    called = set(_CALL.findall(part.text)) if part.tag in _CALLERS else set()
    for each in file.list_before(part) if called else ():
        if each.tag == "CreateFunctionStmt" and quote(strings(each.node["funcname"])[-1]) in called:
            for change in read_function(each.node):
                table = part.find(change.node["relation"]) if "relation" in change.node else ""
                if part.locks.get(table, LockMode.ACCESS_SHARE) >= LockMode.ROW_EXCLUSIVE:
                    yield replace(change, start=0, whole=False)


def _read_nested(node: Node, start: int) -> Iterator[InnerStatement]:
    """Yield the changes of rows in a WITH; they do not stand by themselves."""
    return (InnerStatement(start, "", tag, inner, whole=False) for tag, inner in walk(node) if tag in _VERBS)


def _advise(part: LintedStatement, change: InnerStatement) -> str:
    if change.whole:
        return advise("run it in batches, in a file of its own", f"{BATCHED}{squeeze(change.text)};\n")
    # A change in a WITH has no text of its own.
    if change.text and part.tag in ("CallStmt", "SelectStmt"):
        return _OF_FUNCTION
    barred = "a block" if part.tag == "DoStmt" else "a MERGE" if change.tag == "MergeStmt" else "a WITH that writes"
    return (
        f"write it as a statement of its own, in batches: a file with `-- batch: 5000 pause 100ms` cannot have {barred}"
    )


RULE = Rule(
    "whole-table",
    Level.DANGER,
    "every row of a table is written in one transaction",
    "run it in batches, in a file of its own with `-- batch: 5000 pause 100ms`",
    _check,
    harm=Harm.LARGE,
)
UNSAFE = (
    "UPDATE sessions SET code = 'x';\n",
    "DELETE FROM sessions;\n",
    "UPDATE sessions SET code = 'x' WHERE true;\n",
    "DELETE FROM sessions WHERE 1 = 1 AND NOT false;\n",
    "UPDATE sessions SET code = 'x' WHERE room_id > 5 OR true;\n",
    "UPDATE sessions SET title = rooms.name FROM rooms WHERE rooms.id = sessions.room_id;\n",
    "DELETE FROM plays USING rooms WHERE plays.room_id = rooms.id;\n",
    "DO $$ BEGIN UPDATE sessions SET code = 'x'; END $$;\n",
    "DO $$ BEGIN EXECUTE 'DELETE FROM sessions'; END $$;\n",
)
