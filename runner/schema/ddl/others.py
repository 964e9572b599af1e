"""Schemas, extensions, sequences, publications and event triggers."""

from collections.abc import Iterator

from tenantry.schema.ddl.columns import is_serial
from tenantry.schema.ddl.draft import Phase, Risk, Step
from tenantry.schema.ddl.names import list_names, quote, split_list
from tenantry.schema.ddl.schema import Schema, SchemaStep, step
from tenantry.schema.ddl.sequences import RESTARTS, has_to_restart, write_sequence
from tenantry.schema.snapshot import SchemaObject

# The first major whose sequences may be unlogged, and are so with their table.
_UNLOGGED_SEQUENCES = 15
_OLDER = f"servers before PostgreSQL {_UNLOGGED_SEQUENCES}, which have no unlogged sequences"
_ENABLED = {"": "ENABLE", "no": "DISABLE", "replica": "ENABLE REPLICA", "always": "ENABLE ALWAYS"}


def write_schema(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE SCHEMA."""
    if change.old is None:
        yield step(change.new, Phase.SCHEMA, f"CREATE SCHEMA {change.new.name}")


def write_extension(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE EXTENSION, or the statements that move or update it."""
    name, version, schema = change.new.name, quote(change.fact("version")), change.fact("schema")
    # With its version, since the default of a server depends on the packages installed there.
    if change.old is None:
        where = "" if schema == "pg_catalog" else f" SCHEMA {schema}"
        yield step(change.new, Phase.EXTENSION, f"CREATE EXTENSION {name}{where} VERSION {version}")
        return
    if change.differs("version"):
        yield step(change.new, Phase.EXTENSION, f"ALTER EXTENSION {name} UPDATE TO {version}")
    if change.differs("schema"):
        yield step(change.new, Phase.EXTENSION, f"ALTER EXTENSION {name} SET SCHEMA {schema}")


def write_dependence(change: SchemaStep) -> Iterator[Step]:
    """Yield DEPENDS ON EXTENSION: an object that is dropped with an extension."""
    fact = "depends on extension"
    old, new = list(split_list(change.was(fact))), list(split_list(change.fact(fact)))
    kind, name = change.new.kind, change.new.name
    if change.new.parent and kind == "trigger":
        name = f"{name.removeprefix(f'{change.new.parent}.')} ON {change.new.parent}"
    for word, extensions, others in (("NO DEPENDS", old, new), ("DEPENDS", new, old)):
        for extension in (one for one in extensions if one not in others):
            yield step(change.new, Phase.MARK, f"ALTER {kind.upper()} {name} {word} ON EXTENSION {extension}")


def write_sequence_object(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE SEQUENCE or ALTER SEQUENCE, and its owner; nothing if `serial` creates it."""
    new = change.new
    if change.old is None and _is_of_serial(change):
        return
    kind = "" if change.fact("type") == "bigint" else f" AS {change.fact('type')}"
    if change.old is None:
        unlogged = "UNLOGGED " if _is_unlogged(new, change.expected, change.expected.origin) else ""
        words = " ".join(["", *write_sequence(new, full=False)])
        sql = f"CREATE {unlogged}SEQUENCE {new.name}{kind}{words}".rstrip()
        # Without a major, the draft may run on an older server.
        note = f"leave UNLOGGED out on {_OLDER}" if unlogged and not change.expected.major else ""
        yield step(new, Phase.SEQUENCE, sql, note=note, provides=True)
    else:
        if change.differs("type", "increment", "minimum", "maximum", "start", "cache", "cycle"):
            kind = f" AS {change.fact('type')}" if change.differs("type") else ""
            sql = f"ALTER SEQUENCE {new.name}{kind} {' '.join(write_sequence(new, full=True))}"
            if has_to_restart(change.old, new):
                yield step(new, Phase.SEQUENCE, f"{sql} RESTART", Risk.DESTRUCTIVE, RESTARTS)
            else:
                yield step(new, Phase.SEQUENCE, sql, note="its current value must lie within its bounds")
        yield from _set_persistence(change)
    if change.differs("owned by"):
        owner = change.fact("owned by") or "NONE"
        yield step(new, Phase.OWNED, f"ALTER SEQUENCE {new.name} OWNED BY {owner}")


def _set_persistence(change: SchemaStep) -> Iterator[Step]:
    """Yield SET LOGGED or SET UNLOGGED; a sequence follows the table that owns it, unless it is set apart."""
    origin = change.expected.origin
    unlogged = _is_unlogged(change.new, change.expected, origin)
    moved = change.old is not None and change.differs("owned by") and _is_unlogged(change.old, change.found, origin)
    if change.differs("persistence") or (moved is not unlogged and change.differs("owned by")):
        word = "UNLOGGED" if unlogged else "LOGGED"
        note = "" if change.expected.major else f"leave it out on {_OLDER}"
        yield step(change.new, Phase.MARK, f"ALTER SEQUENCE {change.new.name} SET {word}", note=note)


def _is_unlogged(sequence: SchemaObject, schema: Schema, origin: int) -> bool:
    owner = sequence.facts.get("owned by", "")
    table = schema.facts("table", owner_table(owner)) if owner else {}
    usual = table.get("persistence", "") if origin >= _UNLOGGED_SEQUENCES else ""
    return sequence.facts.get("persistence", usual) == "unlogged"


def _is_of_serial(change: SchemaStep) -> bool:
    column = change.expected.get("column", change.fact("owned by"))
    return (
        column is not None
        and column.key not in change.found.objects
        and column.facts.get("default") == f"nextval('{change.new.name}'::regclass)"
        and is_serial(column, change.expected, change.found)
    )


def drop_sequence(old: SchemaObject) -> Step:
    """Return DROP SEQUENCE."""
    return step(old, Phase.SEQUENCE, f"DROP SEQUENCE {old.name}", Risk.DESTRUCTIVE, provides=True)


def write_publication(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE PUBLICATION or ALTER PUBLICATION."""
    name = change.new.name
    if change.old is None:
        targets = "ALL TABLES" if change.fact("all tables") else _targets(change.new, change)
        given = f" FOR {targets}" if targets else ""
        sql = f"CREATE PUBLICATION {name}{given} WITH ({_publish(change.new, full=False)})"
        yield step(change.new, Phase.PUBLICATION, sql)
        return
    if change.differs("tables", "schemas"):
        yield step(change.new, Phase.PUBLICATION, f"ALTER PUBLICATION {name} SET {_targets(change.new, change)}")
    if change.differs("publish", "via root", "generated columns"):
        generated = change.differs("generated columns")
        sql = f"ALTER PUBLICATION {name} SET ({_publish(change.new, full=True, generated=generated)})"
        yield step(change.new, Phase.PUBLICATION, sql)


def is_alterable(old: SchemaObject, new: SchemaObject) -> bool:
    """Return whether ALTER PUBLICATION turns one into the other: not to or from all tables, nor to none."""
    same = all(old.facts.get(fact) == new.facts.get(fact) for fact in ("tables", "schemas"))
    return old.facts.get("all tables") == new.facts.get("all tables") and (same or bool(_targets(new)))


def _targets(publication: SchemaObject, change: SchemaStep | None = None) -> str:
    facts = publication.facts
    names = [_spell_table(table, change) for table in split_list(facts.get("tables", ""))]
    tables = f"TABLE {', '.join(names)}" if names else ""
    schemas = f"TABLES IN SCHEMA {facts['schemas']}" if "schemas" in facts else ""
    return ", ".join(filter(None, [tables, schemas]))


def _spell_table(table: str, change: SchemaStep | None) -> str:
    """Return a table of a publication without its children, which are listed themselves."""
    schemas = (change.expected, change.found) if change else ()
    parents = (one.facts.get("inherits", "") for schema in schemas for one in schema.objects.values())
    name = list_names(table)[0]
    return f"ONLY {table}" if any(name in list_names(text) for text in parents) else table


def _publish(publication: SchemaObject, *, full: bool, generated: bool = True) -> str:
    facts = publication.facts
    parts = [f"publish = {quote(facts.get('publish', ''))}"]
    if full or "via root" in facts:
        parts.append(f"publish_via_partition_root = {'true' if 'via root' in facts else 'false'}")
    # Servers before 18 do not know this option: it is written only if it makes a difference.
    if generated and (full or "generated columns" in facts):
        parts.append(f"publish_generated_columns = {facts.get('generated columns', 'none')}")
    return ", ".join(parts)


def drop_publication(old: SchemaObject) -> Step:
    """Return DROP PUBLICATION."""
    return step(old, Phase.PUBLICATION, f"DROP PUBLICATION {old.name}", Risk.DESTRUCTIVE)


def write_event_trigger(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE EVENT TRIGGER, and its state."""
    new = change.new
    if change.old is None:
        tags = ", ".join(quote(tag) for tag in split_list(change.fact("tags")))
        when = f" WHEN TAG IN ({tags})" if tags else ""
        call = f"EXECUTE FUNCTION {change.fact('function')}()"
        yield step(new, Phase.EVENT_TRIGGER, f"CREATE EVENT TRIGGER {new.name} ON {change.fact('event')}{when} {call}")
    if change.differs("enabled"):
        yield step(new, Phase.EVENT_TRIGGER, f"ALTER EVENT TRIGGER {new.name} {_ENABLED[change.fact('enabled')]}")


def drop_event_trigger(old: SchemaObject) -> Step:
    """Return DROP EVENT TRIGGER."""
    return step(old, Phase.EVENT_TRIGGER, f"DROP EVENT TRIGGER {old.name}", Risk.DESTRUCTIVE)


def drop_plain(old: SchemaObject) -> Step:
    """Return the drop of a schema, extension, table, foreign table or column, with its loss as a note."""
    if old.kind == "column":
        sql = f"ALTER TABLE {old.parent} DROP COLUMN {old.name.removeprefix(f'{old.parent}.')}"
        return step(old, Phase.COLUMN, sql, Risk.DESTRUCTIVE, "its values are lost", provides=True)
    phase = {"schema": Phase.SCHEMA, "extension": Phase.EXTENSION}.get(old.kind, Phase.TABLE)
    note = "its rows are lost" if old.kind == "table" else ""
    sql = f"DROP {old.kind.upper()} {old.name}"
    return step(old, phase, sql, Risk.DESTRUCTIVE, note, provides=phase is Phase.TABLE)


def is_dropped_with(old: SchemaObject, gone: Schema) -> bool:
    """Return whether a sequence is dropped with the column that owns it."""
    if old.kind == "sequence" and (owner := old.facts.get("owned by")):
        table = owner_table(owner)
        return gone.get("column", owner) is not None or gone.relation(table) is not None
    return False


def owner_table(column: str) -> str:
    """Return the table of a column's name."""
    return list_names(column)[0]
