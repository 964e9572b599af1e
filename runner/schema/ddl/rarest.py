"""Objects that hardly any database has: operators, text search, conversions, languages, transforms, user mappings.

They are created and dropped; of a change, only that of a text search configuration's mappings is written.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from tenantry.schema.ddl.draft import Phase, Risk, Step
from tenantry.schema.ddl.names import quote
from tenantry.schema.ddl.schema import SchemaStep, step, unwritten
from tenantry.schema.snapshot import SchemaObject

# Each with the phase of its creation; drops run in reverse.
PHASES = {
    "conversion": Phase.AGGREGATE,
    "language": Phase.AGGREGATE,
    "operator": Phase.AGGREGATE,
    "operator family": Phase.AGGREGATE,
    "operator class": Phase.CAST,
    "text search parser": Phase.AGGREGATE,
    "text search template": Phase.AGGREGATE,
    "text search dictionary": Phase.CAST,
    "text search configuration": Phase.ACCESS_METHOD,
    "transform": Phase.CAST,
    "user mapping": Phase.TABLE,
}
# The first major that gives an operator a commutator, a negator, HASHES or MERGES that it had not.
_SETS_LINKS = 17
_MEMBERS = re.compile(r", (?=\d+ )")
_MAPPING = "mapping for "


def write_rarest(change: SchemaStep) -> Iterator[Step]:
    """Yield the statements that create an object, or name what no statement changes."""
    new, facts = change.new, change.new.facts
    if change.old is None:
        sql = f"CREATE {_WRITERS[new.kind](new.name, facts)}"
        yield step(new, PHASES[new.kind], sql, provides=new.kind.startswith("text search"))
    if new.kind == "text search configuration":
        yield from _map(change)
    elif new.kind == "operator family":
        yield from _extend(change)
    if new.kind == "user mapping" and change.differs("options"):
        yield unwritten(new, "options: may be secrets and are not read")
    elif change.old is not None:
        changed = list(_alter_operator(change)) if new.kind == "operator" else []
        if changed:
            sql = f"ALTER OPERATOR {_spell_arguments(new.name)} SET ({', '.join(word for _, word in changed)})"
            yield step(new, Phase.CAST, sql)
        for fact in dict.fromkeys((*facts, *change.old.facts)):
            written = {"owner", "grants", *(name for name, _ in changed)}
            if change.differs(fact) and not fact.startswith(_MAPPING) and fact not in written:
                expected, found = change.fact(fact) or "none", change.was(fact) or "none"
                yield unwritten(new, f"{fact}: expected {expected}, found {found}, and no statement alters it")


def drop_rarest(old: SchemaObject) -> Step:
    """Return the drop of an object."""
    name = _spell_arguments(old.name) if old.kind == "operator" else old.name
    provides = old.kind.startswith("text search")
    return step(old, PHASES[old.kind], f"DROP {old.kind.upper()} {name}", Risk.DESTRUCTIVE, provides=provides)


def _write_conversion(name: str, facts: Mapping[str, str]) -> str:
    default = "DEFAULT " if facts.get("default") else ""
    ends = f"FOR {quote(facts['from'])} TO {quote(facts['to'])}"
    return f"{default}CONVERSION {name} {ends} FROM {facts['function']}"


def _write_language(name: str, facts: Mapping[str, str]) -> str:
    trusted = "TRUSTED " if facts.get("trusted") else ""
    words = (f" {fact.upper()} {facts[fact]}" for fact in ("handler", "inline", "validator") if fact in facts)
    return f"{trusted}LANGUAGE {name}{''.join(words)}"


def _write_operator(name: str, facts: Mapping[str, str]) -> str:
    symbol, _, arguments = name.removesuffix(")").rpartition("(")
    parts = [f"FUNCTION = {facts['function']}"]
    sides = zip(("LEFTARG", "RIGHTARG"), arguments.split(","), strict=True)
    parts += [f"{word} = {side}" for word, side in sides if side.upper() != "NONE"]
    parts += [f"{fact.upper()} = {facts[fact]}" for fact in ("restrict", "join") if fact in facts]
    parts += [_link(fact, facts[fact]) for fact in ("commutator", "negator", "hashes", "merges") if fact in facts]
    return f"OPERATOR {symbol} ({', '.join(parts)})"


def _alter_operator(change: SchemaStep) -> Iterator[tuple[str, str]]:
    """Yield the facts of an operator that ALTER OPERATOR changes, and the clause for each."""
    for fact in ("restrict", "join"):
        if change.differs(fact):
            yield fact, f"{fact.upper()} = {change.fact(fact) or 'NONE'}"
    settable = change.expected.major >= _SETS_LINKS
    for fact in ("commutator", "negator", "hashes", "merges"):
        if settable and change.fact(fact) and not change.was(fact):
            yield fact, _link(fact, change.fact(fact))


def _link(fact: str, value: str) -> str:
    if fact in {"hashes", "merges"}:
        return fact.upper()
    return f"{fact.upper()} = OPERATOR({value.rpartition('(')[0]})"


def _spell_arguments(name: str) -> str:
    symbol, _, arguments = name.removesuffix(")").rpartition("(")
    return f"{symbol} ({arguments})"


def _write_class(name: str, facts: Mapping[str, str]) -> str:
    local, _, method = name.rpartition(" USING ")
    default = " DEFAULT" if facts.get("default") else ""
    storage = [f"STORAGE {facts['storage']}"] if "storage" in facts else []
    members = ", ".join([*_list_members(facts), *storage] or [f"STORAGE {facts['type']}"])
    family = facts.get("family", local)
    return f"OPERATOR CLASS {local}{default} FOR TYPE {facts['type']} USING {method} FAMILY {family} AS {members}"


def _list_members(facts: Mapping[str, str]) -> Iterator[str]:
    for fact, word in (("operators", "OPERATOR"), ("functions", "FUNCTION")):
        yield from (f"{word} {member}" for member in _MEMBERS.split(facts.get(fact, "")) if member)


def _extend(change: SchemaStep) -> Iterator[Step]:
    """Yield ADD for the members that belong to no class."""
    if change.old is None and (members := list(_list_members(change.new.facts))):
        sql = f"ALTER OPERATOR FAMILY {change.new.name} ADD {', '.join(members)}"
        yield step(change.new, Phase.CAST, sql)


def _write_search(kind: str, facts: Mapping[str, str]) -> str:
    words = (f"{fact.upper()} = {value}" for fact, value in facts.items() if fact not in {"owner", "grants", "options"})
    parts = [word for word in words if not word.startswith(_MAPPING.upper())]
    return f"{kind} ({', '.join([*parts, *filter(None, [facts.get('options')])])})"


def _map(change: SchemaStep) -> Iterator[Step]:
    """Yield the mappings of a text search configuration that differ."""
    old, new = (change.old.facts if change.old else {}), change.new.facts
    for fact in sorted(name for name in {*old, *new} if name.startswith(_MAPPING) and old.get(name) != new.get(name)):
        token, start = fact.removeprefix(_MAPPING), f"ALTER TEXT SEARCH CONFIGURATION {change.new.name}"
        if fact in new:
            verb = "ALTER" if fact in old else "ADD"
            yield step(change.new, Phase.ACCESS_METHOD, f"{start} {verb} MAPPING FOR {token} WITH {new[fact]}")
        else:
            yield step(change.new, Phase.ACCESS_METHOD, f"{start} DROP MAPPING FOR {token}", Risk.DESTRUCTIVE)


def _write_transform(name: str, facts: Mapping[str, str]) -> str:
    ways = [f"{fact.upper()} WITH FUNCTION {facts[fact]}(internal)" for fact in ("from sql", "to sql") if fact in facts]
    return f"TRANSFORM {name} ({', '.join(ways)})"


_WRITERS: dict[str, Callable[[str, Mapping[str, str]], str]] = {
    "conversion": _write_conversion,
    "language": _write_language,
    "operator": _write_operator,
    "operator family": lambda name, _: f"OPERATOR FAMILY {name}",
    "operator class": _write_class,
    "text search parser": lambda name, facts: _write_search(f"TEXT SEARCH PARSER {name}", facts),
    "text search template": lambda name, facts: _write_search(f"TEXT SEARCH TEMPLATE {name}", facts),
    "text search dictionary": lambda name, facts: _write_search(f"TEXT SEARCH DICTIONARY {name}", facts),
    "text search configuration": lambda name, facts: _write_search(f"TEXT SEARCH CONFIGURATION {name}", facts),
    "transform": _write_transform,
    "user mapping": lambda name, _: f"USER MAPPING {name}",
}
