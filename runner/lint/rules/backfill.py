"""Rows that are searched and written while the transaction holds the lock of a schema change."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import Match, Rule
from tenantry.lint.tree import squeeze, walk
from tenantry.lint.words import BATCHED, advise, show, strongest, wait
from tenantry.model.hazards import Harm, Level
from tenantry.sqltext.bodies import read_block
from tenantry.sqltext.library import Node

_WRITES = ("UpdateStmt", "DeleteStmt", "InsertStmt", "MergeStmt")


def _check(file: LintedFile) -> Iterator[Match]:
    for part in file.parts:
        if part.holds_lock() and (tables := _read_whole(part)):
            relation, mode = strongest(part.held)
            why = f"until the rows of {', '.join(map(show, tables))} are found and written"
            yield Match(part.start, wait(mode, relation, why), _advise(part, file.find_taker(part, relation)), tables)


def _advise(part: LintedStatement, taker: LintedStatement) -> str:
    """Return the safe form. Only a statement that `-- batch:` accepts can run in batches."""
    if part.tag == "DoStmt":
        return advise("write them in a later file, as statements of their own, in batches", squeeze(taker.text))
    if part.tag == "MergeStmt":
        return advise("write them in a later file of their own", squeeze(taker.text), squeeze(part.text))
    return advise("write them in a later file, in batches", squeeze(taker.text), f"{BATCHED}{squeeze(part.text)};\n")


def _read_whole(part: LintedStatement) -> tuple[str, ...]:
    """Return the tables whose rows are searched one by one; by the syntax, if no condition compares with one value."""
    changes = [(part.tag, part.node)] if part.tag in _WRITES else []
    if part.tag == "DoStmt":
        changes = [(inner.tag, inner.node) for inner in read_block(part.text, part.node) if inner.tag in _WRITES]
    # A change that finds its rows by an index is short, as far as a measurement can tell.
    if part.effect:
        return part.scanned if changes else ()
    tables = (part.find(node["relation"]) for tag, node in changes if _is_unbounded(tag, node))
    return tuple(dict.fromkeys(filter(None, tables)))


def _is_unbounded(tag: str, node: Node) -> bool:
    condition = node.get("joinCondition" if tag == "MergeStmt" else "whereClause")
    return tag != "InsertStmt" and not _is_bounded(condition)


def _is_bounded(where: object) -> bool:
    return any(
        tag == "A_Expr"
        and node["name"][-1]["String"]["sval"] == "="
        and any(kind == "A_Const" for kind, _ in walk(node))
        for tag, node in walk(where)
    )


RULE = Rule(
    "backfill",
    Level.DANGER,
    "many rows are written while the transaction holds the lock of a schema change",
    "write them in a later file, in batches",
    _check,
    harm=Harm.LARGE,
)
UNSAFE = (
    "ALTER TABLE sessions ADD COLUMN fee integer;\nUPDATE sessions SET fee = 0 WHERE fee IS NULL;\n",
    "ALTER TABLE rooms ADD COLUMN note text;\nDELETE FROM sessions;\n",
    "ALTER TABLE rooms ADD COLUMN note text;\n"
    "MERGE INTO sessions USING plays ON plays.room_id = sessions.room_id WHEN MATCHED THEN UPDATE SET title = 'x';\n",
    "ALTER TABLE rooms ADD COLUMN note text;\nDO $$ BEGIN DELETE FROM sessions WHERE title IS NULL; END $$;\n",
)
