"""The one UPDATE, DELETE or INSERT ... SELECT of a file that runs in batches: whether it can be cut, and by what."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tenantry.sqltext.conditions import Place, find_place, insert, is_restricted
from tenantry.sqltext.library import Node, RefusedError, read_tree
from tenantry.sqltext.statements import Statement, parse

_VERBS = {"UpdateStmt": "UPDATE", "DeleteStmt": "DELETE", "InsertStmt": "INSERT"}
_WRITES = frozenset({*_VERBS, "MergeStmt"})
_UNREADABLE = "a statement that is too long or too deep to be read"
_NO_BATCHES = "run the file without batches"
_TAKE_OUT = f"take it out, or {_NO_BATCHES}"
# Why a clause cannot be in a statement that is cut, by its field in the tree.
_BARRED = {
    "distinctClause": ("DISTINCT", "equal rows may lie in several batches"),
    "groupClause": ("GROUP BY", "the rows of a group may lie in several batches"),
    "havingClause": ("HAVING", "the rows of a group may lie in several batches"),
    "windowClause": ("WINDOW", "the rows of a window may lie in several batches"),
    "sortClause": ("ORDER BY", "the batches have the order of the key"),
    "limitCount": ("LIMIT", "each batch would have a limit of its own"),
    "limitOffset": ("OFFSET", "each batch would leave rows out"),
    "returningClause": ("RETURNING", "nobody reads what it returns"),
}
# Only aggregates have these, or what is used like one.
_AGGREGATE_MARKS = ("agg_star", "agg_distinct", "agg_order", "agg_filter", "agg_within_group")
_AGGREGATES = frozenset(
    {"array_agg", "avg", "bool_and", "bool_or", "count", "every", "json_agg", "json_object_agg", "jsonb_agg"}
    | {"jsonb_object_agg", "max", "min", "string_agg", "sum"}
)
# What is on the side of a join from which no row gets lost or is made up.
_KEPT_SIDES = {"JOIN_INNER": ("larg", "rarg"), "JOIN_LEFT": ("larg",), "JOIN_RIGHT": ("rarg",)}


class ChangeError(ValueError):
    """The text is no statement that can be cut; `offset` is where it shows, in characters from 0."""

    def __init__(self, message: str, hint: str = "", offset: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.offset = offset


@dataclass(frozen=True, slots=True)
class RowSource:
    """A table as a statement names it: in full as in `names`, its columns by `alias`; `only`: without its children."""

    names: tuple[str, ...]
    alias: str
    only: bool


@dataclass(frozen=True, slots=True)
class RowChange:
    """A statement that can be cut: `statement` as it stands in its file.

    Of `sources`, the first one that has a primary key drives it. `target` is the table that is written. `sets` are the
    columns that an UPDATE sets, `calls` the functions, by their names in full, of which none may be an aggregate.
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
    """Return the one statement of a file, which is to be cut. Raises ChangeError."""
    statement = _read_statement(text)
    try:
        return _make_change(statement)
    except ChangeError as error:
        raise ChangeError(error.message, error.hint, statement.start + error.offset) from None
    except RecursionError:
        raise ChangeError(_UNREADABLE, _NO_BATCHES, statement.start) from None


def _make_change(statement: Statement) -> RowChange:
    """Return what a statement says. Raises ChangeError with a place in it."""
    tag, node = read_tree(statement.text)
    if tag not in _VERBS:
        wanted = "another kind of statement, expected an UPDATE, a DELETE or an INSERT ... SELECT"
        raise ChangeError(wanted if tag else _UNREADABLE, _NO_BATCHES)
    _check_clauses(node, statement.text)
    sources = _read_sources(node) if tag == "InsertStmt" else (_read_source(node["relation"]),)
    place = find_place(statement.text, node)
    if place is None:
        raise ChangeError("no place for a condition more, expected a plain WHERE", _NO_BATCHES)
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
    """Return the statement's text with one condition more; all else of it stays as it is, byte for byte.

    Raises ChangeError where that is not what the parser makes of it.
    """
    text = insert(change.statement.text, change.place, condition)
    if not is_restricted(text, change.node, condition):
        raise ChangeError("a condition that the statement does not take")
    return text


def find_origin(change: RowChange, condition: str, offset: int) -> int:
    """Return where in the file a character of the restricted text stands; one of the condition at the place of it."""
    return change.statement.start + change.place.find_origin(condition, offset)


def _read_statement(text: str) -> Statement:
    try:
        statements = parse(text)
    except RefusedError as refusal:
        raise ChangeError(refusal.message, _NO_BATCHES, refusal.offset) from None
    if len(statements) != 1:
        at = statements[1].start if statements else 0
        hint = "give each statement a file of its own"
        raise ChangeError(f"{len(statements)} statements, expected the one that is to be cut", hint, at)
    return statements[0]


def _check_clauses(node: Node, text: str) -> None:
    """Raise ChangeError where the statement is more than the sum of its rows."""
    for part in (node, _select_of(node)):
        for name, (clause, reason) in _BARRED.items():
            if name in part:
                raise ChangeError(f"{clause} does not fit, since {reason}", _TAKE_OUT, _locate(part[name], text))
        for cte in part.get("withClause", {}).get("ctes", ()):
            if cte["CommonTableExpr"]["ctequery"].keys() & _WRITES:
                reason = "a WITH that writes would do so in every batch"
                raise ChangeError(reason, "write it as a file of its own", _locate(cte, text))
    for call in _read_calls(_select_of(node).get("targetList", ())):
        if "over" in call or call.keys() & set(_AGGREGATE_MARKS) or _call_name(call)[-1] in _AGGREGATES:
            reason = "is over rows that may lie in several batches"
            raise ChangeError(f"{_call_name(call)[-1]}() {reason}", _TAKE_OUT, _locate(call, text))


def _select_of(node: Node) -> Node:
    """Return the SELECT of an INSERT; an empty node where there is none to be cut."""
    select: Node = node.get("selectStmt", {}).get("SelectStmt", {})
    return select


def _read_sources(node: Node) -> tuple[RowSource, ...]:
    """Return the tables that can drive an INSERT ... SELECT. Raises ChangeError where there are none."""
    select = _select_of(node)
    if not select or "valuesLists" in select:
        raise ChangeError("an INSERT without SELECT, expected rows of a table", _NO_BATCHES)
    if select["op"] != "SETOP_NONE":
        raise ChangeError("several SELECTs, expected one", "give each a file of its own")
    ctes = [*node.get("withClause", {}).get("ctes", ()), *select.get("withClause", {}).get("ctes", ())]
    named = {cte["CommonTableExpr"]["ctename"] for cte in ctes}
    sources = (_read_source(table) for part in select.get("fromClause", ()) for table in _read_tables(part))
    found = tuple(source for source in sources if len(source.names) > 1 or source.names[0] not in named)
    if not found:
        hint = "have it read a table by its name, not on the far side of an outer join and without names for columns"
        raise ChangeError("nothing in FROM that could be cut, expected a table", hint)
    return found


def _read_tables(part: Node) -> Iterator[Node]:
    """Yield the tables in an entry of FROM of which every row has its own part in the result."""
    if "RangeVar" in part and "colnames" not in part["RangeVar"].get("alias", {}):
        yield part["RangeVar"]
    # A join with a name of its own hides those of its tables.
    join = part.get("JoinExpr", {})
    if "alias" not in join:
        for side in _KEPT_SIDES.get(join.get("jointype"), ()):
            yield from _read_tables(join[side])


def _read_source(table: Node) -> RowSource:
    names = tuple(table[key] for key in ("catalogname", "schemaname", "relname") if key in table)
    return RowSource(names, table.get("alias", {}).get("aliasname", table["relname"]), not table.get("inh", False))


def _read_calls(node: Any) -> Iterator[Node]:
    """Yield the calls of functions in a part of the tree, but for those of queries within it."""
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
    """Return the first place in the text that a part of its tree names, in characters; 0 where it names none."""
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
