"""The parts of a table: constraints, indexes, triggers, rules, policies, and extended statistics."""

from collections.abc import Iterator

from tenantry.schema.ddl.columns import list_lasting
from tenantry.schema.ddl.draft import Phase, Risk, Step
from tenantry.schema.ddl.names import TYPES, list_names, quote, read_local, split_list
from tenantry.schema.ddl.schema import Schema, SchemaStep, step, unwritten
from tenantry.schema.ddl.tables import find_index, is_apart, is_inline
from tenantry.schema.snapshot import SchemaObject

_ENABLED = {"": "ENABLE", "no": "DISABLE", "replica": "ENABLE REPLICA", "always": "ENABLE ALWAYS"}
_UNIQUE_NOTE = (
    "takes an ACCESS EXCLUSIVE lock while it builds the index: on a large table, use CREATE UNIQUE INDEX CONCURRENTLY "
    "in a non-transactional file, then ADD CONSTRAINT ... USING INDEX"
)
_INDEX_NOTE = (
    "blocks writes to the table while it is built: on a large table, "
    "use CREATE INDEX CONCURRENTLY in a non-transactional file"
)
_APART_NOTE = "leaves out the partitions: it becomes valid when each has an index attached to it"
_VALIDATE_NOTE = "checks the existing rows; reads and writes continue"


def write_constraint(change: SchemaStep) -> Iterator[Step]:
    """Yield ADD CONSTRAINT in a form that does not scan an existing table; VALIDATE comes in its own file."""
    new = change.new
    if change.old is not None:
        if change.was("validated") == "no" and change.fact("validated") != "no":
            yield _validate(new)
        return
    made_with_table = change.found.relation(new.parent) is None
    if (made_with_table and is_inline(new, change.expected)) or _comes_from_parent(change):
        return
    definition = change.fact("definition")
    foreign_key = definition.startswith("FOREIGN KEY")
    phase = Phase.FOREIGN_KEY if foreign_key else Phase.CONSTRAINT
    start = f"ALTER TABLE {new.parent} ADD CONSTRAINT {read_local(new)} {definition}"
    if is_apart(find_index(new, change.expected)):
        yield step(new, Phase.LINK, start.replace(" TABLE ", " TABLE ONLY ", 1), note=_APART_NOTE, opens=True)
        return
    # Only these accept NOT VALID; any other constraint has to build an index over all rows.
    unsure = foreign_key or definition.startswith("CHECK")
    if change.fact("enforced") == "no":
        yield step(new, phase, f"{start} NOT ENFORCED", opens=True)
    elif change.fact("validated") == "no":
        yield step(new, phase, f"{start} NOT VALID", opens=True)
    elif made_with_table or not unsure:
        yield step(new, phase, start, note="" if made_with_table else _UNIQUE_NOTE, opens=True)
    elif foreign_key and change.expected.facts("table", new.parent).get("partition by"):
        note = "checks all rows under its locks: a partitioned table does not allow NOT VALID"
        yield step(new, phase, start, note=note, opens=True)
    else:
        note = "checks only new rows; the next statement checks the others"
        yield step(new, phase, f"{start} NOT VALID", note=note, opens=True)
        yield _validate(new)


def drop_constraint(old: SchemaObject) -> Step:
    """Return DROP CONSTRAINT."""
    phase = Phase.FOREIGN_KEY if old.facts["definition"].startswith("FOREIGN KEY") else Phase.CONSTRAINT
    return step(old, phase, f"ALTER TABLE {old.parent} DROP CONSTRAINT {read_local(old)}", Risk.DESTRUCTIVE)


def write_index(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE INDEX, unless a constraint creates it, and its marks."""
    new = change.new
    if change.old is None and not change.fact("constraint") and is_apart(new):
        yield step(new, Phase.LINK, change.fact("definition"), note=_APART_NOTE, provides=True)
    elif change.old is None and not change.fact("constraint"):
        # An index of a partitioned table adopts those of its partitions, which are created before it.
        sql = change.fact("definition").replace(f" ON ONLY {new.parent} ", f" ON {new.parent} ", 1)
        made_with_table = change.found.relation(new.parent) is None
        yield step(new, Phase.INDEX, sql, note="" if made_with_table else _INDEX_NOTE, provides=True)
    if _is_attached(change):
        yield step(new, Phase.LINK, f"ALTER INDEX {change.fact('partition of')} ATTACH PARTITION {new.name}")
    if " ON ONLY " not in change.fact("definition") and change.differs("valid", "maintained"):
        if change.fact("valid") == "no":
            yield unwritten(new, "an invalid index, as a failed CREATE INDEX CONCURRENTLY leaves it")
        elif change.old is not None:
            note = "REINDEX INDEX CONCURRENTLY in a non-transactional file does not lock the table"
            yield step(new, Phase.INDEX, f"REINDEX INDEX {new.name}", note=note)
    yield from _set_targets(change)
    if change.fact("replica identity") and change.differs("replica identity"):
        yield step(new, Phase.MARK, f"ALTER TABLE {new.parent} REPLICA IDENTITY USING INDEX {read_local(new)}")
    if change.differs("clustered"):
        if change.fact("clustered"):
            yield step(new, Phase.MARK, f"ALTER TABLE {new.parent} CLUSTER ON {read_local(new)}")
        elif not any(index.facts.get("clustered") for index in change.expected.parts(new.parent, "index")):
            yield step(new, Phase.MARK, f"ALTER TABLE {new.parent} SET WITHOUT CLUSTER")


def _is_attached(change: SchemaStep) -> bool:
    """Return whether an index must be attached to that of its partitioned table, which does not adopt it by itself."""
    above = change.expected.get("index", change.fact("partition of"))
    if above is None or not change.differs("partition of"):
        return False
    tables = (schema.facts("table", change.new.parent) for schema in (change.expected, change.found))
    linked = len({table.get("partition of", "") for table in tables}) == 1
    return is_apart(above) or (linked and above.key in change.found.objects)


def is_attachable(old: SchemaObject, new: SchemaObject, expected: Schema, found: Schema) -> bool:
    """Return whether an index becomes part of another one, or valid, by attaching indexes of partitions."""
    if old.facts.get("partition of", "") not in {"", new.facts.get("partition of", "")}:
        return False
    if " ON ONLY " not in new.facts["definition"] or old.facts.get("valid") == new.facts.get("valid"):
        return True
    below = (key for key, one in expected.objects.items() if one.facts.get("partition of") == new.name)
    return "valid" not in new.facts and any("partition of" not in found.facts(*key) for key in below)


def _set_targets(change: SchemaStep) -> Iterator[Step]:
    """Yield the statistics targets of an index's expressions, from `1: 500, 2: 100`."""
    given = _list_set(change.fact("partition of"), change.expected, change.found)
    old, new = {**_read_targets(change.was("statistics")), **given}, _read_targets(change.fact("statistics"))
    for number in sorted({*old, *new}):
        target = new.get(number, "-1")
        if old.get(number, "-1") != target:
            sql = f"ALTER INDEX {change.new.name} ALTER COLUMN {number} SET STATISTICS {target}"
            yield step(change.new, Phase.MARK, sql)


def _list_set(index: str, expected: Schema, found: Schema) -> dict[str, str]:
    """Return the targets that statements about an index, or one above it, set for those below it too."""
    if not index:
        return {}
    targets = _list_set(expected.facts("index", index).get("partition of", ""), expected, found)
    old, new = (_read_targets(schema.facts("index", index).get("statistics", "")) for schema in (found, expected))
    old |= targets
    for number in {*old, *new}:
        if old.get(number, "-1") != new.get(number, "-1"):
            targets[number] = new.get(number, "-1")
    return targets


def _read_targets(text: str) -> dict[str, str]:
    return dict(pair.split(": ") for pair in split_list(text))


def drop_index(old: SchemaObject) -> Step:
    """Return DROP INDEX."""
    return step(old, Phase.INDEX, f"DROP INDEX {old.name}", Risk.DESTRUCTIVE, "use CONCURRENTLY if it is large")


def write_trigger(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE TRIGGER, and its state."""
    new = change.new
    if change.old is None:
        yield step(new, Phase.TRIGGER, change.fact("definition"))
    if change.differs("enabled"):
        sql = f"ALTER TABLE {new.parent} {_ENABLED[change.fact('enabled')]} TRIGGER {read_local(new)}"
        yield _late(new, sql, change)


def drop_trigger(old: SchemaObject) -> Step:
    """Return DROP TRIGGER."""
    return step(old, Phase.TRIGGER, f"DROP TRIGGER {read_local(old)} ON {old.parent}", Risk.DESTRUCTIVE)


def write_partition_triggers(change: SchemaStep) -> Iterator[Step]:
    """Yield the states of a partition's triggers that differ from those of its parent."""
    old, new = _parse_triggers(change.was("triggers")), _parse_triggers(change.fact("triggers"))
    for name in dict.fromkeys((*new, *old)):
        if old.get(name) != new.get(name):
            parent = change.expected.facts("trigger", f"{change.fact('partition of')}.{name}")
            word = new.get(name, _ENABLED[parent.get("enabled", "")])
            yield step(change.new, Phase.PUBLICATION, f"ALTER TABLE {change.new.name} {word} TRIGGER {name}")


def _parse_triggers(text: str) -> dict[str, str]:
    """Return the state of each trigger by name, from `name disabled, name enabled always`."""
    words = {" enabled replica": "ENABLE REPLICA", " enabled always": "ENABLE ALWAYS", " disabled": "DISABLE"}
    states = {}
    for entry in split_list(text):
        ending = next((ending for ending in words if entry.endswith(ending)), " enabled")
        states[entry.removesuffix(ending)] = words.get(ending, "ENABLE")
    return states


def write_rule(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE OR REPLACE RULE, and its state."""
    new = change.new
    if change.differs("definition"):
        definition = change.fact("definition").rstrip(" ;")
        yield step(new, Phase.RULE, f"CREATE OR REPLACE {definition.removeprefix('CREATE ')}")
    if change.differs("enabled"):
        yield _late(new, f"ALTER TABLE {new.parent} {_ENABLED[change.fact('enabled')]} RULE {read_local(new)}", change)


def drop_rule(old: SchemaObject) -> Step:
    """Return DROP RULE."""
    return step(old, Phase.RULE, f"DROP RULE {read_local(old)} ON {old.parent}", Risk.DESTRUCTIVE)


def write_policy(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE POLICY or ALTER POLICY."""
    new, words = change.new, []
    create = change.old is None
    if create:
        words += ["AS RESTRICTIVE"] if change.fact("permissive") == "no" else []
        words += [f"FOR {change.fact('command')}"] if change.fact("command") else []
    if change.differs("roles"):
        words.append(f"TO {change.fact('roles') or 'PUBLIC'}")
    for fact, word in (("using", "USING"), ("check", "WITH CHECK")):
        if change.differs(fact):
            words.append(f"{word} ({change.fact(fact)})")
    start = f"{'CREATE' if create else 'ALTER'} POLICY {read_local(new)} ON {new.parent}"
    if create or words:
        yield step(new, Phase.POLICY, " ".join([start, *words]), note="" if create else "may show other rows")


def drop_policy(old: SchemaObject) -> Step:
    """Return DROP POLICY."""
    return step(old, Phase.POLICY, f"DROP POLICY {read_local(old)} ON {old.parent}", Risk.DESTRUCTIVE)


def write_statistics(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE STATISTICS and its target."""
    if change.old is None:
        yield step(change.new, Phase.STATISTICS, change.fact("definition"))
    if change.differs("target"):
        target = change.fact("target") or "-1"
        yield step(change.new, Phase.STATISTICS, f"ALTER STATISTICS {change.new.name} SET STATISTICS {target}")


def drop_statistics(old: SchemaObject) -> Step:
    """Return DROP STATISTICS."""
    return step(old, Phase.STATISTICS, f"DROP STATISTICS {old.name}", Risk.DESTRUCTIVE)


def write_comment(kind: str, old: SchemaObject | None, new: SchemaObject | None) -> Iterator[Step]:
    """Yield COMMENT ON for an object, given the found and the expected comment."""
    comment = new or old
    if comment is None:
        return
    name = comment.name.removeprefix(f"{kind} ")
    words = {**dict.fromkeys(TYPES - {"domain"}, "TYPE"), "attribute": "COLUMN"}
    target = f"{words.get(kind, kind.upper())} {name}"
    if kind == "domain constraint":
        domain = list_names(name)[0]
        target = f"CONSTRAINT {name.removeprefix(f'{domain}.')} ON DOMAIN {domain}"
    if kind in {"constraint", "trigger", "rule", "policy"}:
        target = f"{kind.upper()} {name.removeprefix(f'{comment.parent}.')} ON {comment.parent}"
    text = quote(new.facts["text"]) if new else "NULL"
    yield step(comment, Phase.COMMENT, f"COMMENT ON {target} IS {text}", Risk.ADDITIVE)


def _validate(constraint: SchemaObject) -> Step:
    sql = f"ALTER TABLE {constraint.parent} VALIDATE CONSTRAINT {read_local(constraint)}"
    return step(constraint, Phase.VALIDATE, sql, note=_VALIDATE_NOTE, separate=True)


def _comes_from_parent(change: SchemaStep) -> bool:
    """Return whether a check comes from the parent of a table, which lacks it too."""
    if not change.fact("definition").startswith("CHECK") or change.fact("definition").endswith("NO INHERIT"):
        return False
    for parent in list_lasting(change.new.parent, change.expected, change.found):
        name = f"{parent}.{read_local(change.new)}"
        if change.expected.get("constraint", name) and not change.found.get("constraint", name):
            return True
    return False


def _late(new: SchemaObject, sql: str, change: SchemaStep) -> Step:
    note = "" if change.old is None else "changes whether it fires"
    return step(new, Phase.PUBLICATION, sql, note=note)
