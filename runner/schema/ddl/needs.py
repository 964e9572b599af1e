"""The objects whose statements must come before a statement although its text does not name them."""

import re
from collections.abc import Iterator

from tenantry.schema.ddl.columns import list_lasting, list_parents
from tenantry.schema.ddl.draft import Phase, Step
from tenantry.schema.ddl.names import RELATIONS, find_names, find_words, read_local, read_reads
from tenantry.schema.ddl.schema import Schema
from tenantry.schema.ddl.tables import find_index, is_apart
from tenantry.schema.snapshot import ObjectKey, SchemaObject

_COLUMNS = re.compile(r"\(([^()]*)\)")
_REFERENCES = re.compile(r" REFERENCES (.+?)\(([^()]*)\)")
_GROUPED = re.compile(r"\bGROUP BY (.+)")
_ARBITER = re.compile(r"\bON CONFLICT ON CONSTRAINT (\S+)")
_USERS = frozenset({"view", "materialized view", "rule", "function"})
UNIQUE = ("PRIMARY KEY", "UNIQUE", "CREATE UNIQUE")


def find_needs(step: Step, new: SchemaObject, expected: Schema, present: Schema) -> Iterator[ObjectKey]:
    """Yield the keys of the objects that a statement about an expected object needs, kind by kind."""
    match new.kind:
        case "column":
            yield from find_parting(new, expected, present)
            yield from _find_column_needs(step, new, expected, present)
        case "constraint":
            yield from find_parting(new, expected, present)
            yield from _find_inherited(new, expected)
            yield from find_leaving(new.parent, expected, present)
            yield from _find_referenced(new, expected, present)
            if step.phase is Phase.LINK:
                yield from _find_partitions(new, expected)
        case "index" | "statistics" | "trigger":
            yield from _find_inherited(new, expected)
            if new.kind == "index" and "partition of" not in new.facts:
                # An index of a partitioned table would adopt this one, if both have the same columns.
                yield from (
                    one.key for above in list_above(new.parent, expected) for one in expected.parts(above, "index")
                )
            if step.phase is Phase.MARK:
                # An index tells rows apart only if its columns are not null.
                yield from (part.key for part in expected.parts(new.parent, "column"))
                # What is set for an index is set for those below it too.
                yield "index", new.facts.get("partition of", "")
            elif step.phase is Phase.LINK:
                yield from _find_partitions(new, expected)
                yield from _find_attached(new, expected)
        case "comment":
            yield _find_commented(new, expected, present)
        case "cast":
            yield from (key for schema in (expected, present) for key in _find_casts(new, schema, {"without function"}))
        case "table" | "foreign table":
            yield from _find_table_needs(step, new, expected, present)
        case "view" | "materialized view" | "rule" | "function":
            yield from _find_used_keys(new, expected)


def _find_column_needs(step: Step, new: SchemaObject, expected: Schema, present: Schema) -> Iterator[ObjectKey]:
    if new.key not in present.objects:
        # A column of a child is merged with that of its parent, if it has the same type by then.
        yield from (key for one in list_below(new.parent, present) if (key := _name_part(new, one)) in present.objects)
    above = (_name_part(new, one) for one in list_above(new.parent, expected))
    yield from (key for key in above if key in present.objects or new.key not in present.objects)
    yield from _find_row_type(new, expected)
    yield from _find_sequences(new, expected, present)
    yield from find_leaving(new.parent, expected, present)
    if step.draft.sql.endswith("DROP NOT NULL"):
        yield from _find_keys_of(new, present)


def find_leaving(parent: str, expected: Schema, present: Schema) -> Iterator[ObjectKey]:
    """Yield the tables that leave a parent, perhaps to come back: they must not get what it gets."""
    for key, child in present.objects.items():
        if child.kind in {"table", "foreign table"} and parent in list_parents(child.name, present):
            yield from [key] if parent not in list_lasting(child.name, expected, present) else []


def _name_part(one: SchemaObject, table: str) -> ObjectKey:
    """Return the key of the same part of another table."""
    return one.kind, f"{table}.{read_local(one)}"


def _find_row_type(column: SchemaObject, expected: Schema) -> Iterator[ObjectKey]:
    """Yield the columns of the table whose rows a column holds: they change before anything holds them."""
    names = [column.facts.get("type", "")]
    for text in names:
        for name in find_names(text) - {column.parent}:
            yield from (part.key for part in expected.parts(name, "column"))
            names += [one.facts["attributes"] for one in expected.labelled(name) if "attributes" in one.facts]


def _find_sequences(column: SchemaObject, expected: Schema, present: Schema) -> Iterator[ObjectKey]:
    """Yield the other columns whose sequences a default uses, and their new tables: they may come with them."""
    for name in find_names(column.facts.get("default", "")):
        owner = expected.facts("sequence", name).get("owned by", "")
        table = expected.objects.get(("column", owner), column).parent
        if table != column.parent and ("sequence", name) not in present.objects:
            yield "column", owner
            if present.relation(table) is None:
                yield "table", table


def _find_inherited(new: SchemaObject, expected: Schema) -> Iterator[ObjectKey]:
    """Yield the columns of parents that a part of a table mentions: they come to the table from there."""
    words, parents = find_words(new.facts["definition"]), list_parents(new.parent, expected)
    yield from (("column", f"{parent}.{word}") for parent in parents for word in words)


def _find_table_needs(step: Step, new: SchemaObject, expected: Schema, present: Schema) -> Iterator[ObjectKey]:
    if step.phase is Phase.LINK:
        yield from _find_link_needs(new, expected, present)
    elif step.phase is Phase.PUBLICATION:
        yield from (part.key for above in list_above(new.name, expected) for part in expected.parts(above, "trigger"))
    elif step.phase is Phase.TABLE and step.opens:
        columns = expected.parts(new.name, "column")
        yield from (key for column in columns for key in _find_row_type(column, expected))
        yield from (key for column in columns for key in _find_sequences(column, expected, present))
    if " DETACH PARTITION " in step.draft.sql:
        # An index that goes takes that of the partition along, as long as the two are attached.
        yield from (index.key for above in list_above(new.name, present) for index in present.parts(above, "index"))


def _find_partitions(new: SchemaObject, expected: Schema) -> Iterator[ObjectKey]:
    """Yield the partitions of the table of an index without those of its partitions: without any it would be valid."""
    yield from (("table", table) for table in list_below(new.parent, expected))


def _find_attached(new: SchemaObject, expected: Schema) -> Iterator[ObjectKey]:
    """Yield the index to which an index of a partition is attached, and the constraints of both."""
    for index in (new, expected.get("index", new.facts.get("partition of", ""))):
        if index is not None:
            yield index.key
            yield "constraint", f"{index.parent}.{index.facts.get('constraint', '')}"


def _find_casts(cast: SchemaObject, schema: Schema, methods: set[str]) -> Iterator[ObjectKey]:
    """Yield the other casts to the same type of these methods: one without a function may be what others rest on."""
    target = cast.name.partition(" AS ")[2]
    for key, other in schema.objects.items():
        same = other.kind == "cast" and key != cast.key and other.name.partition(" AS ")[2] == target
        if same and cast.facts.get("method", "") not in methods and other.facts.get("method", "") in methods:
            yield key


def list_above(table: str, schema: Schema) -> Iterator[str]:
    """Yield the parents of a table, and those above them."""
    for parent in list_parents(table, schema):
        yield parent
        yield from list_above(parent, schema)


def list_below(table: str, schema: Schema) -> Iterator[str]:
    """Yield the children and partitions of a table, and those below them."""
    for kind, name in schema.objects:
        if kind in RELATIONS and table in list_parents(name, schema):
            yield name
            yield from list_below(name, schema)


def is_shared(part: SchemaObject, schema: Schema) -> bool:
    """Return whether a child of a table has a column from another table too: neither can change it alone."""
    own = {part.parent, *list_below(part.parent, schema)}
    below = (table for table in own - {part.parent} if _name_part(part, table) in schema.objects)
    others = {parent for table in below for parent in list_parents(table, schema)} - own
    return any(_name_part(part, parent) in schema.objects for parent in others)


def find_drop_needs(old: SchemaObject, found: Schema) -> frozenset[ObjectKey]:
    """Return the keys of the objects that are dropped before an object: those that use a key without naming it.

    A column of a child is dropped after that of its parent.
    """
    if old.kind == "column":
        return frozenset(_name_part(old, table) for table in list_above(old.parent, found))
    if old.kind == "cast":
        return frozenset(_find_casts(old, found, {"", "inout"}))
    if not old.facts.get("definition", "").startswith(UNIQUE) or old.kind not in {"constraint", "index"}:
        return frozenset()
    return frozenset(other.key for other in find_users(old, found))


def find_users(key: SchemaObject, schema: Schema) -> Iterator[SchemaObject]:
    """Yield the foreign keys that refer to a key or unique index, and what groups by a key or names it."""
    for other in schema.objects.values():
        definition = other.facts.get("definition", "")
        if other.kind == "constraint" and key.kind in {"constraint", "index"}:
            match = _REFERENCES.search(definition)
            if match and match[1] == key.parent and _read_referenced(match[2]) == _read_columns(key):
                yield other
        elif other.kind in _USERS and (_groups_by(other, key) or _names_arbiter(other, key)):
            yield other


def _groups_by(other: SchemaObject, key: SchemaObject) -> bool:
    if not key.facts["definition"].startswith("PRIMARY KEY") or key.parent not in find_names(read_reads(other)):
        return False
    grouped = (find_words(match[1]) for match in _GROUPED.finditer(read_reads(other)))
    return any(_read_columns(key) <= words for words in grouped)


def _names_arbiter(other: SchemaObject, key: SchemaObject) -> bool:
    """Return whether a rule or function inserts with ON CONFLICT ON CONSTRAINT of a key."""
    text = read_reads(other)
    return key.parent in find_names(text) and read_local(key) in _ARBITER.findall(text)


def _read_columns(key: SchemaObject) -> set[str]:
    match = _COLUMNS.search(key.facts["definition"])
    return find_words(match[1].replace(" WITHOUT OVERLAPS", "")) if match else set()


def _read_referenced(columns: str) -> set[str]:
    return find_words(columns.replace("PERIOD ", ""))


def find_parting(part: SchemaObject, expected: Schema, present: Schema) -> Iterator[ObjectKey]:
    """Yield the table of a part if it leaves its partitioned table or type: until then its columns are not its own."""
    facts = present.facts("table", part.parent)
    was = facts.get("partition of", "")
    if "of" in facts or (was and was not in list_lasting(part.parent, expected, present)):
        yield "table", part.parent


def _find_keys_of(column: SchemaObject, present: Schema) -> Iterator[ObjectKey]:
    for constraint in present.parts(column.parent, "constraint"):
        if constraint.facts["definition"].startswith("PRIMARY KEY") and read_local(column) in _read_columns(constraint):
            yield constraint.key


def _find_referenced(new: SchemaObject, expected: Schema, present: Schema) -> Iterator[ObjectKey]:
    """Yield the keys that a foreign key may use: those that are new, and those that have to be gone before it."""
    match = _REFERENCES.search(new.facts["definition"])
    if match:
        for kind in ("constraint", "index"):
            for key in (*expected.parts(match[1], kind), *present.parts(match[1], kind)):
                if key.facts["definition"].startswith(UNIQUE) and _read_columns(key) == _read_referenced(match[2]):
                    yield key.key


def _find_commented(comment: SchemaObject, expected: Schema, present: Schema) -> ObjectKey:
    """Return the key of the object of a comment; the name of a kind has up to three words."""
    words = comment.name.split(" ")
    keys = [(" ".join(words[:count]), " ".join(words[count:])) for count in (1, 2, 3)]
    return next((key for key in keys if key in expected.objects or key in present.objects), keys[0])


def _find_link_needs(new: SchemaObject, expected: Schema, present: Schema) -> Iterator[ObjectKey]:
    """Yield the parts that a child and its parents have in common, and the partitions that make room for it."""
    parents = list_parents(new.name, expected)
    for schema in (expected, present):
        for table in (new.name, *parents):
            parts = (part for kind in ("column", "constraint") for part in schema.parts(table, kind))
            # A key that leaves out the partitions is added to their parent alone, after them.
            yield from (part.key for part in parts if not is_apart(find_index(part, schema)))
    for key, other in present.objects.items():
        if other.kind in RELATIONS and other.facts.get("partition of") in parents and key != new.key:
            wanted = expected.facts(*key)
            if any(wanted.get(fact) != other.facts.get(fact) for fact in ("partition of", "bound")):
                yield key


def _find_used_keys(new: SchemaObject, expected: Schema) -> Iterator[ObjectKey]:
    text = read_reads(new)
    for name in find_names(text) if "GROUP BY" in text or "ON CONFLICT" in text else ():
        for constraint in expected.parts(name, "constraint"):
            unique = constraint.facts["definition"].startswith(UNIQUE) and "ON CONFLICT" in text
            if unique or _groups_by(new, constraint):
                yield constraint.key
