"""Columns: in CREATE TABLE, added to a table, and altered fact by fact in forms that are safe to run."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from tenantry.schema.ddl.draft import Phase, Risk, Step
from tenantry.schema.ddl.names import find_words, list_names, quote, read_local, read_schema, unquote
from tenantry.schema.ddl.options import alter_options, write_options, write_settings
from tenantry.schema.ddl.schema import Schema, SchemaStep, step, unwritten
from tenantry.schema.ddl.sequences import RESTARTS, SEQUENCE_FACTS, has_to_restart, write_sequence
from tenantry.schema.snapshot import SchemaObject

_SERIALS = {"smallint": "smallserial", "integer": "serial", "bigint": "bigserial"}
# Functions that give one value for all rows of a statement.
_STEADY = {"now", "numeric", "varchar", "char", "character", "varying", "bit", "timestamp", "interval", "time"}
_CALL = re.compile(r'([\w"]+)\(')
_SIZED = re.compile(r"^([a-z ]+?)(?:\((\d+)(?:,(\d+))?\))?$")
_NAME_BYTES = 63
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
# Types that the server converts into each other; every type converts into and from the first ones.
_FAMILIES = (
    ("text", "character varying"),
    ("smallint", "integer", "bigint", "numeric", "real", "double precision"),
    ("date", "timestamp"),
)
_MAIN = {"numeric"}
_EXTENDED = ("text", "character", "bytea", "json", "xml", "bit", "tsvector", "tsquery", "path", "polygon", "hstore")
# The first major that changes the expression of a generated column.
_SETS_EXPRESSION = 17
_REWRITES = "rewrites the table under an ACCESS EXCLUSIVE lock"
_MAY_FAIL = (
    "fails if a row has no value, and scans the table under an ACCESS EXCLUSIVE lock: fill in the rows first; to avoid "
    "the scan, ADD CONSTRAINT ... CHECK (... IS NOT NULL) NOT VALID before, and VALIDATE it in its own file"
)


def define_column(column: SchemaObject, *, serial: bool, identity: bool = True, options: str = "") -> str:
    """Return a column for CREATE TABLE or ADD COLUMN. `options` are those of a foreign table's column."""
    facts = column.facts
    name = read_local(column)
    if serial:
        return f"{name} {_SERIALS[facts['type']]} NOT NULL"
    words = [name, facts["type"] + options]
    if collation := facts.get("collation"):
        words.append(f"COLLATE {collation}")
    if facts.get("identity") and identity:
        words.append(f"GENERATED {facts['identity'].upper()} AS IDENTITY{_define_identity(column)}")
    if generated := facts.get("generated"):
        words.append(f"GENERATED ALWAYS AS {generated}")
    if default := facts.get("default"):
        words.append(f"DEFAULT {default}")
    if facts.get("not null") and facts.get("not null validated") != "no":
        words.append("NOT NULL NO INHERIT" if facts.get("not null inherited") == "no" else "NOT NULL")
    return " ".join(words)


def is_serial(column: SchemaObject, expected: Schema, found: Schema) -> bool:
    """Return whether `serial` or one of its variants creates exactly this column, sequence, default and ownership."""
    facts = column.facts
    sequence = f"{column.parent}_{read_local(column)}_seq"
    made = expected.facts("sequence", sequence)
    return (
        '"' not in sequence
        and len(sequence.partition(".")[2].encode()) <= _NAME_BYTES
        and facts["type"] in _SERIALS
        and facts.get("default") == f"nextval('{sequence}'::regclass)"
        and set(facts) <= {"type", "default", "not null", "statistics", "options", "grants"}
        and "not null" in facts
        and made.get("owned by") == column.name
        and made.get("type") == facts["type"]
        and set(made) <= {"type", "owned by", "grants"}
        and not any(name == sequence for _, name in found.objects)
    )


def name_identity(column: SchemaObject, label: str = "seq") -> str:
    """Return the usual name of the sequence of an identity column, which a snapshot does not tell.

    As the server does, the longer of both names is cut for the label; that of a second choice is seq1.
    """
    schema = read_schema(column.parent)
    names = [unquote(name).encode() for name in (column.parent.removeprefix(f"{schema}."), read_local(column))]
    room = _NAME_BYTES - len(f"__{label}".encode())
    while sum(map(len, names)) > room:
        longer = 0 if len(names[0]) > len(names[1]) else 1
        names[longer] = names[longer][:-1]
    joined = "_".join([*(name.decode(errors="ignore") for name in names), label])
    return f"{schema}.{joined}" if _PLAIN.fullmatch(joined) else f"{schema}.{_quote_name(joined)}"


def _quote_name(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def is_widening(old: str, new: str) -> bool:
    """Return whether every value of a type is also a value of the other, unchanged."""
    whole = ["smallint", "integer", "bigint", "numeric"]
    if old in whole and new in whole:
        return whole.index(old) < whole.index(new)
    before, after = _SIZED.match(old), _SIZED.match(new)
    if not before or not after:
        return False
    (base, size, scale), (into, room, places) = before.groups(), after.groups()
    if base == "character varying":
        return into == "text" or (into == base and (room is None or (size is not None and int(room) >= int(size))))
    if base == into == "numeric":
        return room is None or (size is not None and int(room) >= int(size) and scale == places)
    return False


def can_set_expression(old: SchemaObject, new: SchemaObject, expected: Schema) -> bool:
    """Return whether a generated column stays, and only its expression changes."""
    kinds = {column.facts.get("generated", "").rpartition(") ")[2] for column in (old, new)}
    same = all(old.facts.get(fact) == new.facts.get(fact) for fact in ("type", "collation"))
    return expected.major >= _SETS_EXPRESSION and same and len(kinds) == 1 and "" not in kinds


def write_column(change: SchemaStep) -> Iterator[Step]:
    """Yield the statements that add or alter a column; for a new table, only those that CREATE TABLE cannot include.

    `old` is the column as the statements about its parents leave it.
    """
    table = change.expected.relation(change.new.parent)
    kind = table.kind if table else "table"
    made_with_table = change.found.relation(change.new.parent) is None
    if kind in {"view", "materialized view"}:
        yield from _write_view_column(change)
        return
    if change.old is None and not made_with_table:
        yield from _add(change, foreign=kind == "foreign table")
    elif change.old is not None:
        yield from _alter(change)
    yield from _tune(change, foreign=kind == "foreign table", made=made_with_table)


def _write_view_column(change: SchemaStep) -> Iterator[Step]:
    if change.differs("default"):
        yield _set_default(change, "ALTER VIEW")
    for fact, word, usual in (("statistics", "STATISTICS", "-1"), ("compression", "COMPRESSION", "default")):
        if change.differs(fact):
            yield _column_step(change, f"SET {word} {change.fact(fact) or usual}", phase=Phase.MARK)
    if change.differs("storage"):
        storage = change.fact("storage") or _usual_storage(change.fact("type"))
        yield _column_step(change, f"SET STORAGE {storage.upper()}", phase=Phase.MARK)
    start = f"ALTER TABLE {change.new.parent} ALTER COLUMN {read_local(change.new)}"
    for sql in write_settings(start, change.was("options"), change.fact("options")):
        yield step(change.new, Phase.MARK, sql)


def _add(change: SchemaStep, *, foreign: bool) -> Iterator[Step]:
    """Yield ADD COLUMN, with a separate NOT NULL if existing rows would have no value."""
    new, facts = change.new, change.new.facts
    serial = is_serial(new, change.expected, change.found)
    late = (
        "not null" in facts and not foreign and not any(fact in facts for fact in ("default", "identity", "generated"))
    )
    given = ("options", "foreign options", "not null") if late else ("options", "foreign options")
    without = SchemaObject("column", new.name, {k: v for k, v in facts.items() if k not in given}, new.parent)
    options = f" OPTIONS ({write_options(facts['foreign options'])})" if "foreign options" in facts else ""
    sql = f"ALTER TABLE {new.parent} ADD COLUMN {define_column(without, serial=serial, options=options)}"
    yield step(new, Phase.COLUMN, sql, note=_REWRITES if _rewrites(new) else "", provides=True, opens=True)
    if late and facts.get("not null validated") != "no" and not _comes_with_key(change):
        yield _require(change)


def _require(change: SchemaStep) -> Step:
    """Return the statement that requires a column, from 18 on perhaps without those of the children."""
    if change.fact("not null inherited") == "no":
        sql = f"ALTER TABLE {change.new.parent} ADD NOT NULL {read_local(change.new)} NO INHERIT"
        return step(change.new, Phase.COLUMN, sql, Risk.DESTRUCTIVE, _MAY_FAIL, provides=True)
    return _column_step(change, "SET NOT NULL", Risk.DESTRUCTIVE, _MAY_FAIL)


def _comes_with_key(change: SchemaStep) -> bool:
    """Return whether a new primary key sets a column to NOT NULL."""
    for constraint in change.expected.parts(change.new.parent, "constraint"):
        definition = constraint.facts["definition"]
        if definition.startswith("PRIMARY KEY") and constraint.key not in change.found.objects:
            return read_local(change.new) in find_words(definition.partition(" INCLUDE ")[0])
    return False


def list_parents(table: str, schema: Schema) -> list[str]:
    """Return the tables that a table inherits from or is a partition of."""
    relation = schema.relation(table)
    facts = relation.facts if relation else {}
    return list_names(f"{facts.get('partition of', '')} {facts.get('inherits', '')}")


def list_lasting(table: str, expected: Schema, found: Schema) -> list[str]:
    """Return the parents that a table has all along: a partition that gets another bound is detached in between."""
    before, after = found.relation(table), expected.relation(table)
    if before and after and before.facts.get("bound") != after.facts.get("bound"):
        return []
    parents = list_parents(table, found)
    return [parent for parent in list_parents(table, expected) if parent in parents]


def _rewrites(column: SchemaObject) -> bool:
    facts = column.facts
    if "identity" in facts or facts.get("generated", "").endswith("STORED"):
        return True
    return any(call not in _STEADY for call in _CALL.findall(facts.get("default", "")))


def _alter(change: SchemaStep) -> Iterator[Step]:
    if change.was("generated") and not change.fact("generated"):
        note = "keeps the values, but no longer computes them"
        yield replace(_column_step(change, "DROP EXPRESSION", Risk.DESTRUCTIVE, note), opens=True)
    elif change.was("generated") and change.differs("generated"):
        expression, _, kind = change.fact("generated").rpartition(" ")
        note = f"computes every row again, and {_REWRITES}" if kind == "STORED" else ""
        yield _column_step(change, f"SET EXPRESSION AS {expression}", note=note)
    if change.differs("type", "collation"):
        yield from _retype(change)
    elif change.differs("default"):
        yield _set_default(change, "ALTER TABLE")
    yield from _alter_identity(change)
    if not _comes_with_key(change):
        yield from _alter_required(change)


def _alter_required(change: SchemaStep) -> Iterator[Step]:
    """Yield SET or DROP NOT NULL; the column may be required of its table alone before or after."""
    either = change.was("not null") and change.fact("not null")
    validated = change.was("not null validated") and not change.fact("not null validated")
    # A new identity has set it already.
    given = change.fact("identity") and not change.was("identity")
    if either and validated and _is_unchecked_above(change):
        yield unwritten(change.new, "not null: VALIDATE the constraint from its parent, whose name is not read")
    elif either and change.differs("not null inherited"):
        yield _column_step(change, "DROP NOT NULL")
        yield _require(change)
    elif change.was("not null") and not change.fact("not null"):
        if not (change.was("identity") and change.fact("identity")):
            yield _column_step(change, "DROP NOT NULL")
    elif (change.differs("not null") or validated) and not given and change.fact("not null validated") != "no":
        yield _require(change)


def _is_unchecked_above(change: SchemaStep) -> bool:
    """Return whether a parent requires a column NOT VALID, so that SET NOT NULL makes the child's its own alone."""
    parents = list_parents(change.new.parent, change.expected)
    above = (change.expected.facts("column", f"{parent}.{read_local(change.new)}") for parent in parents)
    return any(facts.get("not null validated") == "no" for facts in above)


def _retype(change: SchemaStep) -> Iterator[Step]:
    """Yield the change of a type: the default is dropped first, as it may not fit the new type, and set at the end."""
    name, new = read_local(change.new), change.fact("type")
    parts = [f"ALTER COLUMN {name} DROP DEFAULT"] if change.was("default") else []
    collate = f" COLLATE {change.fact('collation')}" if change.fact("collation") else ""
    wider = is_widening(change.was("type"), new) or change.was("type") == new
    foreign = change.expected.get("foreign table", change.new.parent) is not None
    using = "" if wider or foreign or change.fact("generated") else f" USING {_cast(name, change.was('type'), new)}"
    parts.append(f"ALTER COLUMN {name} TYPE {new}{collate}{using}")
    if change.fact("default"):
        parts.append(f"ALTER COLUMN {name} SET DEFAULT {change.fact('default')}")
    risk = Risk.ADDITIVE if wider else Risk.DESTRUCTIVE
    note = _REWRITES if change.fact("type") in {"integer", "bigint", "numeric"} else ""
    if foreign:
        note = "describes the rows, which stay as they are"
    elif not wider:
        note = f"from {change.was('type')}: fails or loses data if a value does not fit; {_REWRITES}"
    sql = f"ALTER TABLE {change.new.parent}\n    " + ",\n    ".join(parts)
    yield step(change.new, Phase.COLUMN, sql, risk, note, provides=True, opens=True)


def _cast(name: str, old: str, new: str) -> str:
    """Return a conversion, through text if the server may have none between the two types."""
    direct = any(old.startswith(family) and new.startswith(family) for family in _FAMILIES)
    arrays = old.endswith("]"), new.endswith("]")
    texts = all(arrays) or any(kind.startswith(_FAMILIES[0]) and not kind.endswith("]") for kind in (old, new))
    return f"{name}::{new}" if direct or texts else f"{name}::text::{new}"


def _set_default(change: SchemaStep, alter: str) -> Step:
    default = change.fact("default")
    action = f"SET DEFAULT {default}" if default else "DROP DEFAULT"
    sql = f"{alter} {change.new.parent} ALTER COLUMN {read_local(change.new)} {action}"
    return step(change.new, Phase.COLUMN if alter == "ALTER TABLE" else Phase.MARK, sql)


def _alter_identity(change: SchemaStep) -> Iterator[Step]:
    old, new = change.was("identity"), change.fact("identity")
    if _inherits_identity(change):
        return
    if new and not old:
        if not change.was("not null"):
            yield _column_step(change, "SET NOT NULL", Risk.DESTRUCTIVE, _MAY_FAIL)
        action = f"ADD GENERATED {new.upper()} AS IDENTITY{_define_identity(change.new)}"
        risk = Risk.ADDITIVE if change.was("not null") else Risk.DESTRUCTIVE
        yield replace(_column_step(change, action, risk), opens=True)
        name = quote(unquote(read_local(change.new)))
        sequence = f"pg_get_serial_sequence({quote(change.new.parent)}, {name})"
        yield _continue(change.new, sequence, change.new.facts)
    elif new:
        actions = [f"SET GENERATED {new.upper()}"] if old != new else []
        if change.differs(*SEQUENCE_FACTS):
            actions += [f"SET {word}" for word in write_sequence(change.new, full=True)]
        if change.old is not None and has_to_restart(change.old, change.new):
            yield _column_step(change, " ".join([*actions, "RESTART"]), Risk.DESTRUCTIVE, RESTARTS)
        elif actions:
            yield _column_step(change, " ".join(actions))


def _continue(column: SchemaObject, sequence: str, facts: Mapping[str, str]) -> Step:
    """Return the statement that sets a sequence past the values in the rows."""
    name, down = read_local(column), facts.get("increment", "1").startswith("-")
    first = facts.get("start") or (facts.get("maximum", "-1") if down else facts.get("minimum", "1"))
    following = f"least(min({name}) - 1, {first})" if down else f"greatest(max({name}) + 1, {first})"
    # Of names that the server quoted.
    sql = f"SELECT setval({sequence}, {following}, false) FROM {column.parent}"  # noqa: S608
    return step(column, Phase.OWNED, sql, note="continues after the values in the rows")


def _inherits_identity(change: SchemaStep) -> bool:
    table = change.expected.relation(change.new.parent)
    parent = table.facts.get("partition of", "") if table else ""
    return bool(change.expected.facts("column", f"{parent}.{read_local(change.new)}").get("identity"))


def _define_identity(column: SchemaObject) -> str:
    words = " ".join(write_sequence(column, full=False))
    return f" ({words})" if words else ""


def _tune(change: SchemaStep, *, foreign: bool, made: bool) -> Iterator[Step]:
    """Yield the facts that a column's definition does not include on every server."""
    # A new type comes with its own storage, and without a compression.
    retyped = change.old is not None and change.differs("type")
    if change.fact("storage") != ("" if retyped else change.was("storage")):
        storage = change.fact("storage") or _usual_storage(change.fact("type"))
        yield _column_step(change, f"SET STORAGE {storage.upper()}", note="existing rows stay as they are")
    if change.fact("compression") != ("" if retyped else change.was("compression")):
        yield _column_step(change, f"SET COMPRESSION {change.fact('compression') or 'default'}")
    if change.differs("persistence"):
        word = (change.fact("persistence") or _persist(change)).upper()
        note = "the usual name of the sequence of this column"
        yield step(change.new, Phase.MARK, f"ALTER SEQUENCE {name_identity(change.new)} SET {word}", note=note)
    if change.differs("statistics"):
        yield _column_step(change, f"SET STATISTICS {change.fact('statistics') or '-1'}")
    if change.fact("not null validated") == "no" and change.was("not null validated") != "no":
        if change.was("not null"):
            # Added to one that is valid, it would change nothing.
            yield _column_step(change, "DROP NOT NULL")
        yield step(
            change.new, Phase.COLUMN, f"ALTER TABLE {change.new.parent} ADD NOT NULL {read_local(change.new)} NOT VALID"
        )
    if foreign:
        yield from _tune_foreign(change, made=made)
    start = f"ALTER TABLE {change.new.parent} ALTER COLUMN {read_local(change.new)}"
    for sql in write_settings(start, change.was("options"), change.fact("options")):
        yield step(change.new, Phase.MARK, sql)


def _persist(change: SchemaStep) -> str:
    """Return the persistence of a column's table, which that of its sequence follows."""
    return change.expected.facts("table", change.new.parent).get("persistence") or "logged"


def _tune_foreign(change: SchemaStep, *, made: bool) -> Iterator[Step]:
    if change.old is not None and not made and change.differs("foreign options"):
        options = alter_options(change.was("foreign options"), change.fact("foreign options"))
        start = f"ALTER FOREIGN TABLE {change.new.parent} ALTER COLUMN {read_local(change.new)}"
        yield step(change.new, Phase.MARK, f"{start} OPTIONS ({options})")


def _column_step(
    change: SchemaStep, action: str, risk: Risk = Risk.ADDITIVE, note: str = "", *, phase: Phase = Phase.COLUMN
) -> Step:
    sql = f"ALTER TABLE {change.new.parent} ALTER COLUMN {read_local(change.new)} {action}"
    return step(change.new, phase, sql, risk, note, provides=phase is Phase.COLUMN)


def _usual_storage(kind: str) -> str:
    if kind.endswith("]") or kind.startswith(_EXTENDED):
        return "extended"
    return "main" if kind.partition("(")[0] in _MAIN else "plain"
