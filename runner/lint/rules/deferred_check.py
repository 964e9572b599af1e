"""A table is changed while a check of its rows waits for the commit: the server refuses that if there is such a row."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import NAMES, Match, Rule
from tenantry.lint.tree import squeeze, to_relation
from tenantry.lint.words import advise, show
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Harm, Level
from tenantry.sqltext.library import Node

_TABLES = ("OBJECT_TABLE",)
_OF_ONE = ("AlterTableStmt", "ClusterStmt", "IndexStmt")


def _check(file: LintedFile) -> Iterator[Match]:
    if not file.migration.transactional:
        return
    waiting: dict[str, LintedStatement] = {}
    for part in file.parts:
        if part.tag == "ConstraintsSetStmt" and not part.node.get("deferred"):
            waiting = {}
        pending = part.effect is not None and part.effect.pending
        for table in _find_changed(part):
            if pending or table in waiting:
                yield _tell(part, table, waiting.get(table))
        # The first writer of a table: all of them may have left a check behind.
        waiting = dict.fromkeys(part.effect.deferred if part.effect else (), part) | waiting


def _find_changed(part: LintedStatement) -> tuple[str, ...]:
    """Return the tables that a statement changes in a way that the server refuses while a check waits."""
    named = tuple(filter(None, map(part.find, _list_relations(part))))
    if not named and part.effect and (part.tag == "DoStmt" or part.effect.pending):
        return tuple(lock.relation for lock in part.effect.locks if lock.mode is LockMode.ACCESS_EXCLUSIVE)
    return named


def _list_relations(part: LintedStatement) -> list[Node]:
    if part.tag in _OF_ONE:
        return [part.node["relation"]] if "relation" in part.node else []
    if part.tag == "TruncateStmt":
        return [each["RangeVar"] for each in part.node["relations"]]
    if part.tag == "DropStmt" and part.node["removeType"] in _TABLES:
        return [
            to_relation([word["String"]["sval"] for word in each["List"]["items"]]) for each in part.node["objects"]
        ]
    return []


def _tell(part: LintedStatement, table: str, writer: LintedStatement | None) -> Match:
    """Return the finding; without a `writer`, it was measured that one before it writes rows of the table."""
    message = (
        "if a row of {} is written before, its deferred check waits for the commit, and the file fails here (55006)"
    )
    first = f"{squeeze(writer.text)};\n" if writer else ""
    files = f"{first}SET CONSTRAINTS ALL IMMEDIATE;\n{squeeze(part.text)}"
    text = advise("have the rows checked first", files)
    return Match(part.start, message.format(show(table)), text, (table,), name=show(table), many=message.format(NAMES))


RULE = Rule(
    "deferred-check",
    Level.DANGER,
    "a table is changed while a deferred check of its rows waits for the commit, so the file fails if there is a row",
    "write SET CONSTRAINTS ALL IMMEDIATE between the two statements, or put them into two files",
    _check,
    harm=Harm.FILLED,
)
UNSAFE = (
    "UPDATE visits SET room_id = (SELECT min(id) FROM rooms) WHERE room_id IS NULL;\n"
    "ALTER TABLE visits ADD COLUMN filled boolean;\n",
    "INSERT INTO visits (id, room_id) SELECT id, room_id FROM sessions WHERE id = 5;\n"
    "DO $$ BEGIN ALTER TABLE visits ADD COLUMN filled boolean; END $$;\n",
    "DO $$ BEGIN UPDATE visits SET room_id = NULL WHERE id = 5; END $$;\nALTER TABLE visits ADD filled boolean;\n",
    "WITH gone AS (DELETE FROM rooms WHERE id = 5 RETURNING id) SELECT count(*) FROM gone;\n"
    "ALTER TABLE rooms ADD filled boolean;\n",
)
