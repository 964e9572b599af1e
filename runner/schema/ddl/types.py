"""Enums, domains, ranges and composite types: created, and altered if the server can."""

from collections.abc import Iterator
from dataclasses import replace

from tenantry.schema.ddl.draft import Phase, Risk, Step
from tenantry.schema.ddl.names import parse_labels, read_schema, split_list
from tenantry.schema.ddl.schema import SchemaStep, step
from tenantry.schema.snapshot import SchemaObject

_LABEL_NOTE = "a new label cannot be used before its transaction commits"


def write_enum(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE TYPE, or ADD VALUE for each new label."""
    new = change.new
    if change.old is None:
        yield step(new, Phase.TYPE, f"CREATE TYPE {new.name} AS ENUM ({change.fact('labels')})", provides=True)
        return
    known, labels = parse_labels(change.was("labels")), parse_labels(change.fact("labels"))
    for index, label in enumerate(labels):
        if label in known:
            continue
        # The label before it exists by now; only a new first label has none, and goes before the old first.
        place = f"AFTER {labels[index - 1]}" if index else f"BEFORE {known[0]}" if known else ""
        sql = f"ALTER TYPE {new.name} ADD VALUE {label} {place}".rstrip()
        known = known if index else [label, *known]
        yield step(new, Phase.TYPE, sql, note=_LABEL_NOTE, separate=True, provides=True)


def can_add_labels(old: str, new: str) -> bool:
    """Return whether adding labels turns an enum's labels into others."""
    before, after = parse_labels(old), parse_labels(new)
    return [label for label in after if label in before] == before


def write_domain(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE DOMAIN, or the statements that alter its default, NOT NULL and constraints."""
    new = change.new
    if change.old is None:
        collation = f"COLLATE {change.fact('collation')}" if change.fact("collation") else ""
        default = f"DEFAULT {change.fact('default')}" if change.fact("default") else ""
        words = [collation, default, "NOT NULL" if change.fact("not null") else ""]
        # CREATE DOMAIN does not accept NOT VALID: such constraints are added afterwards.
        sure = [part for part in _parts(change.fact("constraints")) if not part.endswith(" NOT VALID")]
        words += sure
        sql = " ".join(["CREATE DOMAIN", new.name, "AS", change.fact("type"), *filter(None, words)])
        yield step(new, Phase.TYPE, sql, provides=True)
        for part in _parts(change.fact("constraints")):
            if part not in sure:
                yield step(new, Phase.TYPE, f"ALTER DOMAIN {new.name} ADD {part}", provides=True)
        return
    yield from _alter_domain(change)


def _alter_domain(change: SchemaStep) -> Iterator[Step]:
    start = f"ALTER DOMAIN {change.new.name}"
    old, new = _parts(change.was("constraints")), _parts(change.fact("constraints"))
    for part in (part for part in old if part not in new and f"{part}".removesuffix(" NOT VALID") not in new):
        yield step(change.new, Phase.TYPE, f"{start} DROP CONSTRAINT {_constraint_name(part)}", Risk.DESTRUCTIVE)
    if change.differs("default"):
        default = f"SET DEFAULT {change.fact('default')}" if change.fact("default") else "DROP DEFAULT"
        yield step(change.new, Phase.TYPE, f"{start} {default}", provides=True)
    if change.differs("not null"):
        if change.fact("not null"):
            note = "fails if a row has no value"
            yield step(change.new, Phase.TYPE, f"{start} SET NOT NULL", Risk.DESTRUCTIVE, note, provides=True)
        else:
            yield step(change.new, Phase.TYPE, f"{start} DROP NOT NULL", provides=True)
    for part in (part for part in new if part not in old):
        yield from _constrain_domain(change.new, part, known=f"{part} NOT VALID" in old, taken=old)


def _constrain_domain(domain: SchemaObject, part: str, *, known: bool, taken: list[str]) -> Iterator[Step]:
    name, sure = _constraint_name(part), part.removesuffix(" NOT VALID")
    replaces = any(_constraint_name(other) == name for other in taken)
    if not known:
        risk = Risk.DESTRUCTIVE if replaces else Risk.ADDITIVE
        note = "checks only new values"
        yield step(domain, Phase.TYPE, f"ALTER DOMAIN {domain.name} ADD {sure} NOT VALID", risk, note, provides=True)
    if part == sure:
        sql = f"ALTER DOMAIN {domain.name} VALIDATE CONSTRAINT {name}"
        risk = Risk.DESTRUCTIVE if replaces and not known else Risk.ADDITIVE
        yield step(domain, Phase.VALIDATE, sql, risk, "checks the existing values", separate=True)


def _parts(constraints: str) -> list[str]:
    return list(split_list(constraints))


def _constraint_name(part: str) -> str:
    """Return the name in `CONSTRAINT name CHECK (...)`."""
    return part.removeprefix("CONSTRAINT ").partition(" CHECK (")[0]


def write_range(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE TYPE ... AS RANGE."""
    words = {
        "subtype": "SUBTYPE",
        "operator class": "SUBTYPE_OPCLASS",
        "collation": "COLLATION",
        "canonical": "CANONICAL",
        "difference": "SUBTYPE_DIFF",
        "multirange": "MULTIRANGE_TYPE_NAME",
    }
    if change.old is None:
        options = ", ".join(f"{word} = {change.fact(fact)}" for fact, word in words.items() if change.fact(fact))
        yield step(change.new, Phase.TYPE, f"CREATE TYPE {change.new.name} AS RANGE ({options})", provides=True)
    elif change.differs("multirange"):
        usual = name_multirange(change.new)
        old, new = change.was("multirange") or usual, change.fact("multirange") or usual
        schema, local = read_schema(new), new.removeprefix(f"{read_schema(new)}.")
        if schema != read_schema(old):
            yield step(change.new, Phase.TYPE, f"ALTER TYPE {old} SET SCHEMA {schema}")
            old = f"{schema}.{old.removeprefix(f'{read_schema(old)}.')}"
        if old != new:
            yield step(change.new, Phase.TYPE, f"ALTER TYPE {old} RENAME TO {local}")


def name_multirange(found: SchemaObject) -> str:
    """Return the name that the server gives to the multirange type of a range."""
    schema = read_schema(found.name)
    local = found.name.removeprefix(f"{schema}.")
    quoted, bare = local.startswith('"'), local.strip('"')
    name = bare.replace("range", "multirange", 1) if "range" in bare else f"{bare}_multirange"
    return f'{schema}."{name}"' if quoted else f"{schema}.{name}"


def write_base_type(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE TYPE twice: as a shell for its functions, and then with them."""
    if change.old is None:
        new = change.new
        yield step(new, Phase.TYPE, f"CREATE TYPE {new.name}", provides=True)
        sql = f"CREATE TYPE {new.name} ({change.fact('definition')})"
        yield replace(step(new, Phase.AGGREGATE, sql, provides=True), is_whole=True)


def write_shell_type(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE TYPE without a definition."""
    if change.old is None:
        yield step(change.new, Phase.TYPE, f"CREATE TYPE {change.new.name}", provides=True)


def write_composite(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE TYPE, or ADD ATTRIBUTE for each new one at the end."""
    new, attributes = change.new, list(split_list(change.fact("attributes")))
    if change.old is None:
        yield step(new, Phase.TYPE, f"CREATE TYPE {new.name} AS ({', '.join(attributes)})", provides=True)
        return
    for attribute in attributes[len(list(split_list(change.was("attributes")))) :]:
        yield step(new, Phase.TYPE, f"ALTER TYPE {new.name} ADD ATTRIBUTE {attribute} CASCADE", provides=True)


def can_add_attributes(old: str, new: str) -> bool:
    """Return whether adding attributes at its end turns a composite type into another."""
    before, after = list(split_list(old)), list(split_list(new))
    return after[: len(before)] == before


def drop_type(old: SchemaObject) -> Step:
    """Return DROP TYPE or DROP DOMAIN."""
    word = "DOMAIN" if old.kind == "domain" else "TYPE"
    # The functions of a base type need it, and it needs them: they go together.
    together = old.kind == "base type"
    note = "with its functions and all that depends on them" if together else ""
    sql = f"DROP {word} {old.name}{' CASCADE' if together else ''}"
    return step(old, Phase.TYPE, sql, Risk.DESTRUCTIVE, note, provides=True)
