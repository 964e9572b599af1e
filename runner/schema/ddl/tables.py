"""Tables: created with their columns and constraints in one statement, and altered fact by fact."""

from collections.abc import Iterator

from tenantry.schema.ddl.columns import define_column, is_serial
from tenantry.schema.ddl.draft import Phase, Risk, Step
from tenantry.schema.ddl.names import list_names, parse_settings, read_local, split_list
from tenantry.schema.ddl.options import alter_options, write_options, write_settings
from tenantry.schema.ddl.schema import Schema, SchemaStep, step
from tenantry.schema.snapshot import SchemaObject

_REWRITES = "rewrites the table under an ACCESS EXCLUSIVE lock"


def write_table(change: SchemaStep) -> Iterator[Step]:
    """Yield the statements that create or alter a table."""
    if change.old is None:
        yield _create(change)
    else:
        yield from _alter(change)
    yield from _link(change)
    yield from _mark(change)


def is_inline(constraint: SchemaObject, schema: Schema) -> bool:
    """Return whether a constraint is written with its new table: not if its index must not reach the partitions."""
    if is_apart(find_index(constraint, schema)):
        return False
    validated = constraint.facts.get("validated") != "no"
    return validated and not constraint.facts.get("definition", "").startswith("FOREIGN KEY")


def find_index(constraint: SchemaObject, schema: Schema) -> SchemaObject | None:
    """Return the index of a constraint; None if it has none."""
    indexes = schema.parts(constraint.parent, "index")
    return next((one for one in indexes if one.facts.get("constraint") == read_local(constraint)), None)


def is_apart(index: SchemaObject | None) -> bool:
    """Return whether an index of a partitioned table lacks those of some partitions: it was created with ONLY."""
    return index is not None and index.facts.get("valid") == "no" and " ON ONLY " in index.facts["definition"]


def _create(change: SchemaStep) -> Step:
    new = change.new
    lines = [_define(change, column) for column in change.expected.parts(new.name, "column")]
    constraints = change.expected.parts(new.name, "constraint")
    lines += [_define_constraint(constraint) for constraint in constraints if is_inline(constraint, change.expected)]
    body = ",\n".join(f"    {line}" for line in lines)
    unlogged = "UNLOGGED " if change.fact("persistence") == "unlogged" else ""
    word = "FOREIGN TABLE" if new.kind == "foreign table" else f"{unlogged}TABLE"
    opened = f"CREATE {word} {new.name} (\n{body}\n)" if body else f"CREATE {word} {new.name} ()"
    return step(new, Phase.TABLE, opened + "".join(_tail(change)), provides=True)


def _tail(change: SchemaStep) -> Iterator[str]:
    if change.new.kind == "foreign table":
        yield f" SERVER {change.fact('server')}"
        if options := change.fact("options"):
            yield f" OPTIONS ({write_options(options)})"
        return
    if part := change.fact("partition by"):
        yield f" PARTITION BY {part}"
    if method := change.fact("access method"):
        yield f" USING {method}"
    settings = [change.fact("options"), _toast(change.fact("toast options"))]
    if any(settings):
        yield f" WITH ({', '.join(filter(None, settings))})"


def _toast(options: str) -> str:
    return ", ".join(f"toast.{name}={value}" for name, value in parse_settings(options).items())


def _define(change: SchemaStep, column: SchemaObject) -> str:
    parent = change.expected.get("column", f"{change.fact('partition of')}.{read_local(column)}")
    # A partition takes its identity from the partitioned table, and must not define one of its own.
    inherited = bool(parent and parent.facts.get("identity"))
    serial = is_serial(column, change.expected, change.found)
    options = column.facts.get("foreign options", "")
    foreign = f" OPTIONS ({write_options(options)})" if options else ""
    return define_column(column, serial=serial, identity=not inherited, options=foreign)


def _define_constraint(constraint: SchemaObject) -> str:
    enforced = " NOT ENFORCED" if constraint.facts.get("enforced") == "no" else ""
    return f"CONSTRAINT {read_local(constraint)} {constraint.facts['definition']}{enforced}"


def _alter(change: SchemaStep) -> Iterator[Step]:
    new, start = change.new, f"ALTER TABLE {change.new.name}"
    if change.differs("persistence"):
        word = "UNLOGGED" if change.fact("persistence") else "LOGGED"
        risk = Risk.DESTRUCTIVE if change.fact("persistence") else Risk.ADDITIVE
        lost = "; after a crash the table is empty" if change.fact("persistence") else ""
        yield step(new, Phase.TABLE, f"{start} SET {word}", risk, _REWRITES + lost)
    if change.differs("access method"):
        method = change.fact("access method") or "heap"
        yield step(new, Phase.TABLE, f"{start} SET ACCESS METHOD {method}", note=_REWRITES)
    if new.kind == "foreign table":
        if change.differs("options"):
            options = alter_options(change.was("options"), change.fact("options"))
            yield step(new, Phase.TABLE, f"ALTER FOREIGN TABLE {new.name} OPTIONS ({options})")
        return
    for sql in write_settings(start, change.was("options"), change.fact("options")):
        yield step(new, Phase.TABLE, sql)
    for sql in write_settings(start, _toast(change.was("toast options")), _toast(change.fact("toast options"))):
        yield step(new, Phase.TABLE, sql)


def _link(change: SchemaStep) -> Iterator[Step]:
    """Yield the statements that make a table a partition, a child or of a type, once it has its columns and checks."""
    new, start = change.new, f"ALTER TABLE {change.new.name}"
    if change.differs("partition of", "bound"):
        if was := change.was("partition of"):
            sql = f"ALTER TABLE {was} DETACH PARTITION {new.name}"
            note = "removes its rows from the partitioned table"
            yield step(new, Phase.TABLE, sql, Risk.DESTRUCTIVE, note, opens=True)
        if parent := change.fact("partition of"):
            note = "scans the table for rows outside the bound" if change.old else ""
            risk = Risk.DESTRUCTIVE if change.was("partition of") else Risk.ADDITIVE
            sql = f"ALTER TABLE {parent} ATTACH PARTITION {new.name} {change.fact('bound')}"
            yield step(new, Phase.LINK, sql, risk, note)
    old, expected = list_names(change.was("inherits")), list_names(change.fact("inherits"))
    for parent in (name for name in old if name not in expected):
        yield step(
            new, Phase.TABLE, f"{start} NO INHERIT {parent}", Risk.DESTRUCTIVE, "removes its rows from the parent"
        )
    for parent in (name for name in expected if name not in old):
        yield step(new, Phase.LINK, f"{start} INHERIT {parent}")
    # What leaves a type has left it before its columns change.
    if change.differs("of") and change.fact("of"):
        yield step(new, Phase.LINK, f"{start} OF {change.fact('of')}")


def _mark(change: SchemaStep) -> Iterator[Step]:
    """Yield row security and replica identity."""
    new, start = change.new, f"ALTER TABLE {change.new.name}"
    old, expected = set(split_list(change.was("row security"))), set(split_list(change.fact("row security")))
    for word, on, off in (("enabled", "ENABLE", "DISABLE"), ("forced", "FORCE", "NO FORCE")):
        if (word in old) is not (word in expected):
            lax = word in old
            note = "shows rows that policies hid" if lax else ""
            risk = Risk.DESTRUCTIVE if lax else Risk.ADDITIVE
            yield step(new, Phase.MARK, f"{start} {off if lax else on} ROW LEVEL SECURITY", risk, note)
    yield from _identify(change)


def _identify(change: SchemaStep) -> Iterator[Step]:
    """Yield REPLICA IDENTITY; that of an index comes with the index."""
    if change.differs("replica identity") and change.fact("replica identity") != "index":
        word = (change.fact("replica identity") or "default").upper()
        yield step(change.new, Phase.MARK, f"ALTER TABLE {change.new.name} REPLICA IDENTITY {word}")
