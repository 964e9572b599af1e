"""The one UPDATE, DELETE or INSERT ... SELECT of a file that runs in batches, and whether it can be split."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tenantry.sqltext.conditions import Place, find_place, insert, is_restricted
from tenantry.sqltext.library import Node, RefusedError, read_tree
from tenantry.sqltext.statements import Statement, parse

_VERBS = {"UpdateStmt": "UPDATE", "DeleteStmt": "DELETE", "InsertStmt": "INSERT"}
_WRITES = frozenset({*_VERBS, "MergeStmt"})
_UNREADABLE = "a statement that is too long or too deep to read"
_NO_BATCHES = "run the file without batches"
_TAKE_OUT = f"remove it, or {_NO_BATCHES}"
# The reason why a split statement cannot have a clause, by its field in the tree.
_BARRED = {
    "distinctClause": ("DISTINCT", "equal rows may lie in several batches"),
    "groupClause": ("GROUP BY", "the rows of a group may lie in several batches"),
    "havingClause": ("HAVING", "the rows of a group may lie in several batches"),
    "windowClause": ("WINDOW", "the rows of a window may lie in several batches"),
    "sortClause": ("ORDER BY", "batches follow the order of the key"),
    "limitCount": ("LIMIT", "each batch would apply the limit again"),
    "limitOffset": ("OFFSET", "each batch would skip rows"),
    "returningClause": ("RETURNING", "nobody reads the returned rows"),
}
# Only aggregates have these, or functions used like one.
_AGGREGATE_MARKS = ("agg_star", "agg_distinct", "agg_order", "agg_filter", "agg_within_group")
_AGGREGATES = frozenset(
    {"array_agg", "avg", "bool_and", "bool_or", "count", "every", "json_agg", "json_object_agg", "jsonb_agg"}
    | {"jsonb_object_agg", "max", "min", "string_agg", "sum"}
)
# The sides of a join whose rows the join neither drops nor invents.
_KEPT_SIDES = {"JOIN_INNER": ("larg", "rarg"), "JOIN_LEFT": ("larg",), "JOIN_RIGHT": ("rarg",)}


class ChangeError(ValueError):
    """The text is not a statement that can be split; `offset` locates the reason, in characters from 0."""

    def __init__(self, message: str, hint: str = "", offset: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.offset = offset


@dataclass(frozen=True, slots=True)
class RowSource:
    """A table as a statement names it: `names` is its full name, `alias` qualifies its columns; `only`: no children."""

    names: tuple[str, ...]
    alias: str
    only: bool


@dataclass(frozen=True, slots=True)
class RowChange:
    """A statement that can be split: `statement` as it stands in its file.

    The first of `sources` with a primary key drives it. `target` is the table that is written. `sets` are the columns
    that an UPDATE sets. `calls` are the full names of the functions; none of them may be an aggregate.
    """

    statement: Statement
    verb: str
    sources: tuple[RowSource, ...]
    target: RowSource
    sets: frozenset[str]
    calls: frozenset[tuple[str, ...]]
    place: Place
    node: Node = field(repr=False, compare=False)


def read_change(text: str) -> RowChange:
    """Return the one statement of a file that runs in batches. Raises ChangeError."""
    statement = _read_statement(text)
    try:
        return _make_change(statement)
    except ChangeError as error:
        # Found within the statement; callers show places in the file, where comments may come before it.
        raise ChangeError(error.message, error.hint, statement.start + error.offset) from None
    except RecursionError:
        raise ChangeError(_UNREADABLE, _NO_BATCHES, statement.start) from None


def _make_change(statement: Statement) -> RowChange:
    """Return a statement as a change. Raises ChangeError with an offset in it."""
    tag, node = read_tree(statement.text)
    if tag not in _VERBS:
        wanted = "another kind of statement, expected an UPDATE, a DELETE or an INSERT ... SELECT"
        raise ChangeError(wanted if tag else _UNREADABLE, _NO_BATCHES)
    _check_clauses(node, statement.text)
    sources = _read_sources(node) if tag == "InsertStmt" else (_read_source(node["relation"]),)
    place = find_place(statement.text, node)
    if place is None:
        raise ChangeError("no place for another condition, expected a plain WHERE", _NO_BATCHES)
    return RowChange(
        statement=statement,
        verb=_VERBS[tag],
        sources=sources,
        target=_read_source(node["relation"]),
        sets=frozenset(one["ResTarget"]["name"] for one in node.get("targetList", ())),
        calls=frozenset(_call_name(call) for call in _read_calls(_select_of(node).get("targetList", ()))),
        place=place,
        node=node,
    )


def restrict(change: RowChange, condition: str) -> str:
    """Return the statement's text with another condition; the rest stays as it is, byte for byte.

    Raises ChangeError if the parser reads the new text in any other way.
    """
    # Parsed again for every condition: a row too many that is changed cannot be taken back.
    text = insert(change.statement.text, change.place, condition)
    if not is_restricted(text, change.node, condition):
        raise ChangeError("a condition that does not fit the statement")
    return text


def find_origin(change: RowChange, condition: str, offset: int) -> int:
    """Return the offset in the file of a character of the restricted text, or of the place of the condition."""
    return change.statement.start + change.place.find_origin(condition, offset)


def _read_statement(text: str) -> Statement:
    try:
        statements = parse(text)
    except RefusedError as refusal:
        raise ChangeError(refusal.message, _NO_BATCHES, refusal.offset) from None
    if len(statements) != 1:
        at = statements[1].start if statements else 0
        hint = "write each statement in its own file"
        raise ChangeError(f"{len(statements)} statements, expected a single one to run in batches", hint, at)
    return statements[0]


def _check_clauses(node: Node, text: str) -> None:
    """Raise ChangeError if the statement is more than the sum of its rows."""
    for part in (node, _select_of(node)):
        for name, (clause, reason) in _BARRED.items():
            if name in part:
                raise ChangeError(f"{clause} is not allowed, since {reason}", _TAKE_OUT, _locate(part[name], text))
        for cte in part.get("withClause", {}).get("ctes", ()):
            if cte["CommonTableExpr"]["ctequery"].keys() & _WRITES:
                reason = "a WITH that writes would write in every batch"
                raise ChangeError(reason, "move it to its own file", _locate(cte, text))
    for call in _read_calls(_select_of(node).get("targetList", ())):
        if "over" in call or call.keys() & set(_AGGREGATE_MARKS) or _call_name(call)[-1] in _AGGREGATES:
            reason = "needs rows that may lie in several batches"
            raise ChangeError(f"{_call_name(call)[-1]}() {reason}", _TAKE_OUT, _locate(call, text))


def _select_of(node: Node) -> Node:
    """Return the SELECT of an INSERT, or an empty node."""
    select: Node = node.get("selectStmt", {}).get("SelectStmt", {})
    return select


def _read_sources(node: Node) -> tuple[RowSource, ...]:
    """Return the tables that can drive an INSERT ... SELECT. Raises ChangeError if there are none."""
    select = _select_of(node)
    if not select or "valuesLists" in select:
        raise ChangeError("an INSERT without SELECT, expected rows from a table", _NO_BATCHES)
    if select["op"] != "SETOP_NONE":
        raise ChangeError("several SELECTs, expected one", "write each in its own file")
    ctes = [*node.get("withClause", {}).get("ctes", ()), *select.get("withClause", {}).get("ctes", ())]
    named = {cte["CommonTableExpr"]["ctename"] for cte in ctes}
    sources = (_read_source(table) for part in select.get("fromClause", ()) for table in _read_tables(part))
    found = tuple(source for source in sources if len(source.names) > 1 or source.names[0] not in named)
    if not found:
        hint = "read from a named table, not from the optional side of an outer join, and without column aliases"
        raise ChangeError("no table in FROM that can be split into batches, expected one", hint)
    return found


def _read_tables(part: Node) -> Iterator[Node]:
    """Yield the tables in an entry of FROM whose rows each have their own part in the result."""
    if "RangeVar" in part and "colnames" not in part["RangeVar"].get("alias", {}):
        yield part["RangeVar"]
    # A join with an alias hides the names of its tables.
    join = part.get("JoinExpr", {})
    if "alias" not in join:
        for side in _KEPT_SIDES.get(join.get("jointype"), ()):
            yield from _read_tables(join[side])


def _read_source(table: Node) -> RowSource:
    names = tuple(table[key] for key in ("catalogname", "schemaname", "relname") if key in table)
    return RowSource(names, table.get("alias", {}).get("aliasname", table["relname"]), not table.get("inh", False))


def _read_calls(node: Any) -> Iterator[Node]:
    """Yield the calls of functions in a part of the tree, except those of queries within it."""
    if isinstance(node, dict):
        for tag, value in node.items():
            if tag == "FuncCall":
                yield value
            if tag != "SelectStmt":
                yield from _read_calls(value)
    elif isinstance(node, list):
        for one in node:
            yield from _read_calls(one)


def _call_name(call: Node) -> tuple[str, ...]:
    return tuple(part["String"]["sval"] for part in call["funcname"])


def _locate(node: Any, text: str) -> int:
    """Return the first position in the text that a part of its tree names, in characters, or 0."""
    # The parser counts bytes of UTF-8.
    first = min(_find_locations(node), default=0)
    return len(text.encode()[:first].decode())


def _find_locations(node: Any) -> Iterable[int]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "location":
                yield value
            yield from _find_locations(value)
    elif isinstance(node, list):
        for one in node:
            yield from _find_locations(one)
