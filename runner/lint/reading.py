"""A file as rules see it: each statement with its tree, its effect, and the locks its transaction already holds."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from tenantry import sqltext
from tenantry.lint.partitions import Names
from tenantry.lint.tree import Command, find_view, read_commands, strings, to_relation
from tenantry.model import Migration
from tenantry.model.effects import LockMode, Measured
from tenantry.model.errors import Problem
from tenantry.sqltext.bodies import DEFINES, read_block
from tenantry.sqltext.library import Node, read_tree

Locks = Mapping[str, LockMode]
_NONE: Locks = MappingProxyType({})
_PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class LintedStatement:
    """One statement. `effect` is None if it was not measured: then its locks are those of the syntax.

    `unmeasured` says why it could not be measured; None if it was, or if nobody tried.
    `held` are the locks that its transaction took before it, `locks` those and its own; on relations of earlier files
    alone. `created` are the relations that the file created before it, `emptied` those that it truncated before it.
    `partitioned` are the tables that have partitions, as far as it is known, and `unnamed` those of them that have
    partitions which no file names: these are called by the name of their table. `unknown` are the rewritten tables
    that no file names.
    """

    start: int
    text: str
    tag: str
    node: Node = field(repr=False)
    effect: Measured | None
    held: Locks
    locks: Locks
    created: frozenset[str]
    unmeasured: Problem | None = None
    emptied: frozenset[str] = frozenset()
    partitioned: frozenset[str] = frozenset()
    unnamed: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()

    @property
    def scanned(self) -> tuple[str, ...]:
        """Return the tables that were measured to be read in full."""
        return self.effect.scanned if self.effect else ()

    @property
    def rewritten(self) -> tuple[str, ...]:
        """Return the tables that were measured to be rewritten."""
        return self.effect.rewritten if self.effect else ()

    @property
    def rebuilt(self) -> tuple[str, ...]:
        """Return the indexes that were measured to be rebuilt, but for those of rewritten tables."""
        return self.effect.rebuilt if self.effect else ()

    def holds_lock(self) -> bool:
        """Return whether the transaction already holds a lock that keeps the application waiting."""
        return any(mode >= LockMode.SHARE for mode in self.held.values())

    def scans(self, table: str) -> bool:
        """Return whether a table, or a partition of it, was measured to be read in full."""
        return self._touches(self.scanned, table)

    def rewrites(self, table: str) -> bool:
        """Return whether a table, or a partition of it, was measured to be rewritten."""
        return self._touches(self.rewritten, table)

    def has_layers(self, table: str) -> bool:
        """Return whether a partition of a table has partitions itself: it was measured to have no rows to read."""
        partitions = self.effect.partitions if self.effect else ()
        return any(root == table and name not in self.scanned for name, root in partitions)

    def _touches(self, names: Collection[str], table: str) -> bool:
        partitions = self.effect.partitions if self.effect else ()
        return table in names or any(root == table and name in names for name, root in partitions)

    def find(self, relation: Node) -> str:
        """Return the name of a relation of earlier files, by its RangeVar; empty for one that this file created.

        If the statement was measured, the relation must be locked, whichever schema it was found in.
        """
        schema, own = relation.get("schemaname"), relation["relname"]
        if self.effect is None:
            name = f"{schema or _PUBLIC}.{own}"
            return "" if name in self.created else name
        return next((name for name in self.locks if _is(name, schema, own)), "")

    def commands(self) -> Sequence[tuple[str, Command]]:
        """Return table and command of an ALTER TABLE on a table of earlier files; empty for all other statements."""
        if self.tag != "AlterTableStmt" or self.node.get("objtype") != "OBJECT_TABLE":
            return ()
        table = self.find(self.node["relation"])
        return tuple((table, command) for command in read_commands(self.text, self.node)) if table else ()


@dataclass(frozen=True, slots=True)
class LintedFile:
    """One file. `before` are the files before it, in order."""

    migration: Migration
    parts: tuple[LintedStatement, ...]
    before: tuple["LintedFile", ...] = field(repr=False)

    def acts(self) -> Iterator[LintedStatement]:
        """Yield the statements, and after each DO those in it that define something; their effect is that of the DO."""
        for part in self.parts:
            yield part
            for inner in read_block(part.text, part.node, DEFINES) if part.tag == "DoStmt" else ():
                yield replace(part, start=part.start + inner.start, text=inner.text, tag=inner.tag, node=inner.node)

    def list_before(self, part: LintedStatement) -> Iterator[LintedStatement]:
        """Yield the statements before one, in all files."""
        yield from (each for file in self.before for each in file.parts)
        yield from (each for each in self.parts if each.start < part.start)

    def creates_again(self, part: LintedStatement, relation: str) -> bool:
        """Return whether a later statement creates a view of this name: it is not missing after the commit."""
        schema, _, own = relation.partition(".")
        later = (find_view(each.tag, each.node) for each in self.acts() if each.start > part.start)
        return any(view and view["relname"] == own and view.get("schemaname", schema) == schema for view in later)

    def fills_again(self, part: LintedStatement, relation: str) -> bool:
        """Return whether a later statement gives the name of a relation to another table."""
        schema, _, own = relation.partition(".")
        later = (find_made(each.tag, each.node) for each in self.acts() if each.start > part.start)
        return any(name == own and space in ("", schema) for space, name in later)

    def adds_again(self, part: LintedStatement, table: str, column: str) -> bool:
        """Return whether a statement, or a later one, gives the name of a column to another one."""
        later = (each for each in self.acts() if each.start >= part.start)
        return any(table == of and name == column for each in later for of, name in _list_named(each))

    def adds_before(self, part: LintedStatement, table: str, column: str) -> bool:
        """Return whether an earlier statement of the file adds a column, so that nothing uses it yet."""
        earlier = (each for each in self.parts if each.start < part.start)
        return any(table == of and name == column for each in earlier for of, name in _list_named(each))

    def find_taker(self, part: LintedStatement, relation: str) -> LintedStatement:
        """Return the statement that first took the lock which is held on a relation when a statement begins."""
        mode = part.held[relation]
        return next(taker for taker in self.parts if taker.locks.get(relation) == mode)


def read_files(migrations: Sequence[Migration], effects: Sequence[Sequence[Measured]] | None) -> tuple[LintedFile, ...]:
    """Return the files with the measured effect of each statement, if there is one.

    Statements that are like one before them were not measured, and are left out: nothing else would be found in them.
    """
    files: list[LintedFile] = []
    names = Names()
    for index, migration in enumerate(migrations):
        measured = {effect.start: effect for effect in effects[index]} if effects is not None else {}
        names.add(migration.sql)
        files.append(LintedFile(migration, _read_parts(migration, measured, names), tuple(files)))
    return tuple(files)


def _read_parts(migration: Migration, measured: Mapping[int, Measured], names: Names) -> tuple[LintedStatement, ...]:
    parts: list[LintedStatement] = []
    held: Locks = _NONE
    created: frozenset[str] = frozenset()
    emptied: frozenset[str] = frozenset()
    statements = sqltext.split(migration.sql)
    for statement in [each for each in statements if each.start in measured] if measured else statements:
        tag, node = read_tree(statement.text)
        effect = measured.get(statement.start)
        unmeasured = Problem(effect.unmeasured, effect.hint) if effect and effect.unmeasured else None
        if unmeasured:
            effect = None
        partitioned, unnamed = names.partitioned, names.partitioned
        if effect:
            partitioned |= {table for _, table in effect.partitions}
            effect, unnamed = names.rename(effect)
        taken = _join_locks(effect) if effect else _guess_locks(tag, node, created)
        locks = {**held, **{name: max(mode, held.get(name, mode)) for name, mode in taken.items()}}
        parts.append(
            LintedStatement(
                statement.start,
                statement.text,
                tag,
                node,
                effect,
                held,
                locks,
                created,
                unmeasured,
                emptied,
                partitioned,
                unnamed,
                names.find_unknown(effect.rewritten) if effect else frozenset(),
            )
        )
        names.note(tag, node)
        # Only now: what a statement creates is new for the statements after it.
        created |= find_created(tag, node)
        emptied |= frozenset(effect.emptied) if effect else find_emptied(tag, node)
        # Locks last until the end of the transaction, which without one is that of the statement.
        held = locks if migration.transactional else _NONE
    return tuple(parts)


def _join_locks(effect: Measured) -> dict[str, LockMode]:
    """Return the strongest lock on each relation: partitions that share a name have one each."""
    taken: dict[str, LockMode] = {}
    for lock in effect.locks:
        taken[lock.relation] = max(lock.mode, taken.get(lock.relation, lock.mode))
    return taken


def _is(name: str, schema: str | None, own: str) -> bool:
    found, _, rest = name.partition(".")
    return rest == own and schema in (None, found)


def find_created(tag: str, node: Node) -> frozenset[str]:
    """Return the name of the relation that a statement creates."""
    relation = {
        "CreateStmt": node.get("relation"),
        "CreateTableAsStmt": node.get("into", {}).get("rel"),
        "SelectStmt": node.get("intoClause", {}).get("rel"),
        "ViewStmt": node.get("view"),
    }.get(tag)
    return frozenset({f"{relation.get('schemaname', _PUBLIC)}.{relation['relname']}"} if relation else ())


def find_made(tag: str, node: Node) -> tuple[str, str]:
    """Return schema and name of the table that a statement creates or renames; the schema is empty if it has none."""
    if tag == "RenameStmt" and node["renameType"] == "OBJECT_TABLE":
        return node["relation"].get("schemaname", ""), node["newname"]
    made = {"CreateStmt": node.get("relation"), "CreateTableAsStmt": node.get("into", {}).get("rel")}.get(tag)
    return (made.get("schemaname", ""), made["relname"]) if made else ("", "")


def _list_named(part: LintedStatement) -> Iterator[tuple[str, str]]:
    """Yield the columns that a statement adds or that get their names from it, each after its table."""
    yield from ((table, command.name) for table, command in part.commands() if command.kind == "AddColumn")
    if part.tag == "RenameStmt" and part.node["renameType"] == "OBJECT_COLUMN" and "relation" in part.node:
        yield part.find(part.node["relation"]), part.node["newname"]


def find_emptied(tag: str, node: Node) -> frozenset[str]:
    """Return the names of the tables that a statement truncates, by its syntax."""
    relations = [each["RangeVar"] for each in node["relations"]] if tag == "TruncateStmt" else []
    return frozenset(f"{relation.get('schemaname', _PUBLIC)}.{relation['relname']}" for relation in relations)


def _guess_locks(tag: str, node: Node, created: frozenset[str]) -> Locks:
    """Return the strong locks that a statement takes by its syntax, if it was not measured."""
    relations = [node["relation"]] if "relation" in node else []
    if tag == "TruncateStmt":
        relations = [each["RangeVar"] for each in node["relations"]]
    if tag == "DropStmt" and node["removeType"] == "OBJECT_TABLE":
        relations = [to_relation(strings(each["List"]["items"])) for each in node["objects"]]
    mode = _MODES.get(tag)
    if mode is None or node.get("concurrent"):
        return _NONE
    names = (f"{relation.get('schemaname', _PUBLIC)}.{relation['relname']}" for relation in relations)
    return {name: mode for name in names if name not in created}


_MODES = {
    "AlterTableStmt": LockMode.ACCESS_EXCLUSIVE,
    "ClusterStmt": LockMode.ACCESS_EXCLUSIVE,
    "CreateTrigStmt": LockMode.SHARE_ROW_EXCLUSIVE,
    "DropStmt": LockMode.ACCESS_EXCLUSIVE,
    "IndexStmt": LockMode.SHARE,
    "RefreshMatViewStmt": LockMode.ACCESS_EXCLUSIVE,
    "RenameStmt": LockMode.ACCESS_EXCLUSIVE,
    "TruncateStmt": LockMode.ACCESS_EXCLUSIVE,
}
