"""CLUSTER, VACUUM FULL and REINDEX: upkeep that keeps the application waiting."""

import re
from collections.abc import Iterator

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import Match, Rule
from tenantry.lint.tree import squeeze, typed
from tenantry.lint.words import ALONE, advise, show
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Harm, Level
from tenantry.sqltext.library import Node
from tenantry.sqltext.trees import is_on

_TARGET = re.compile(r"\b(INDEX|TABLE|SCHEMA|DATABASE)\b", re.IGNORECASE)


def _check(file: LintedFile) -> Iterator[Match]:
    for part in file.parts:
        if part.tag == "ClusterStmt":
            yield from _tell_of_tables(part, [part.node["relation"]] if "relation" in part.node else [])
        elif part.tag == "VacuumStmt" and is_on(part.node, "full", "false"):
            relations = [each["VacuumRelation"]["relation"] for each in part.node.get("rels", ())]
            yield from _tell_of_tables(part, relations)
        elif part.tag == "ReindexStmt" and _is_safer_concurrently(part.node):
            yield from _tell_of_indexes(part)


def _is_safer_concurrently(node: Node) -> bool:
    """Return whether new indexes could be built next to the old ones: those of the server's catalogs cannot."""
    return node["kind"] != "REINDEX_OBJECT_SYSTEM" and not is_on(node, "concurrently", "false")


def _tell_of_tables(part: LintedStatement, relations: list[Node]) -> Iterator[Match]:
    """Yield the finding for tables that are rewritten; no relation means all of them."""
    tables = tuple(filter(None, map(part.find, relations))) if relations else tuple(part.locks)
    # Without a table and without a measurement, it may be any table.
    if tables or not (relations or part.effect):
        named = ", ".join(map(show, tables)) or "every table"
        message = f"ACCESS EXCLUSIVE on {named}: reads and writes wait while all of it is rewritten"
        text = f"{ALONE}VACUUM (ANALYZE) {', '.join(map(typed, relations))}".rstrip()
        yield Match(part.start, message, advise("make free space reusable without a strong lock", f"{text};\n"), tables)


def _tell_of_indexes(part: LintedStatement) -> Iterator[Match]:
    tables = tuple(table for table, mode in part.locks.items() if mode == LockMode.SHARE)
    own = part.node["kind"] == "REINDEX_OBJECT_TABLE" and not part.find(part.node["relation"])
    if tables or (part.effect is None and not own):
        named = ", ".join(map(show, tables)) or "each table"
        message = f"SHARE on {named}: writes wait while its indexes are rebuilt"
        text = f"{ALONE}{_TARGET.sub(lambda match: f'{match[0]} CONCURRENTLY', squeeze(part.text), count=1)};\n"
        yield Match(part.start, message, advise("build them next to the old ones, while writes continue", text), tables)


RULE = Rule(
    "upkeep",
    Level.DANGER,
    "CLUSTER, VACUUM FULL or REINDEX keeps the application waiting",
    "use VACUUM without FULL, or REINDEX CONCURRENTLY, in a file with `-- transactional: false`",
    _check,
    harm=Harm.LARGE,
)
UNSAFE = (
    "CLUSTER sessions USING sessions_pkey;\n",
    "-- transactional: false\nVACUUM FULL sessions, public.rooms;\n",
    "-- transactional: false\nVACUUM FULL;\n",
    "REINDEX TABLE sessions;\n",
    "REINDEX INDEX sessions_pkey;\n",
    "-- transactional: false\nREINDEX SCHEMA public;\n",
)
