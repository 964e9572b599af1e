"""Objects that few databases have: collations, casts, access methods, foreign data wrappers and their servers."""

from collections.abc import Iterator

from tenantry.schema.ddl.draft import Phase, Risk, Step
from tenantry.schema.ddl.names import parse_settings, quote
from tenantry.schema.ddl.options import alter_options, write_options
from tenantry.schema.ddl.schema import SchemaStep, step, unwritten
from tenantry.schema.snapshot import SchemaObject

_PHASES = {
    "collation": Phase.COLLATION,
    "cast": Phase.CAST,
    "access method": Phase.ACCESS_METHOD,
    "foreign data wrapper": Phase.WRAPPER,
    "server": Phase.SERVER,
}
_CASTS = {"without function": "WITHOUT FUNCTION", "inout": "WITH INOUT"}
_CONTEXTS = {"": "", "assignment": " AS ASSIGNMENT", "implicit": " AS IMPLICIT"}
# The prefix of a value that a snapshot holds only as a hash.
_HIDDEN = "sha256:"


def write_collation(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE COLLATION; no statement alters one."""
    facts = ("provider", "locale", "lc_collate", "lc_ctype", "rules")
    if change.old is not None:
        yield from _name_unalterable(change, *facts, "deterministic")
        return
    parts = [f"{fact} = {quote(change.fact(fact))}" for fact in facts if change.fact(fact)]
    parts += ["deterministic = false"] if change.fact("deterministic") else []
    sql = f"CREATE COLLATION {change.new.name} ({', '.join(parts)})"
    yield step(change.new, Phase.COLLATION, sql, provides=True)


def write_cast(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE CAST."""
    if change.old is None:
        function = change.fact("function")
        way = f"WITH FUNCTION {function}" if function else _CASTS[change.fact("method")]
        sql = f"CREATE CAST {change.new.name} {way}{_CONTEXTS[change.fact('context')]}"
        yield step(change.new, Phase.CAST, sql)


def write_access_method(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE ACCESS METHOD; no statement alters one."""
    if change.old is not None:
        yield from _name_unalterable(change, "type", "handler")
        return
    kind, handler = change.fact("type").upper(), change.fact("handler")
    sql = f"CREATE ACCESS METHOD {change.new.name} TYPE {kind} HANDLER {handler}"
    yield step(change.new, Phase.ACCESS_METHOD, sql)


def write_wrapper(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE FOREIGN DATA WRAPPER or ALTER FOREIGN DATA WRAPPER."""
    words = [
        f"{fact.upper()} {change.fact(fact)}" if change.fact(fact) else f"NO {fact.upper()}"
        for fact in ("handler", "validator")
        if change.differs(fact)
    ]
    yield from _create_or_alter(change, Phase.WRAPPER, [*words, *_options(change)])
    yield from _name_hidden(change)


def write_server(change: SchemaStep) -> Iterator[Step]:
    """Yield CREATE SERVER or ALTER SERVER."""
    if change.old is not None:
        yield from _name_unalterable(change, "type", "foreign data wrapper")
    words = []
    if change.old is None and change.fact("type"):
        words.append(f"TYPE {quote(change.fact('type'))}")
    if change.differs("version"):
        words.append(f"VERSION {quote(change.fact('version')) if change.fact('version') else 'NULL'}")
    if change.old is None:
        words.append(f"FOREIGN DATA WRAPPER {change.fact('foreign data wrapper')}")
    yield from _create_or_alter(change, Phase.SERVER, [*words, *_options(change)])
    yield from _name_hidden(change)


def drop_rare(old: SchemaObject) -> Step:
    """Return the drop of a rare object."""
    sql = f"DROP {old.kind.upper()} {old.name}"
    return step(old, _PHASES[old.kind], sql, Risk.DESTRUCTIVE, provides=old.kind == "collation")


def _create_or_alter(change: SchemaStep, phase: Phase, words: list[str]) -> Iterator[Step]:
    verb = "CREATE" if change.old is None else "ALTER"
    if words or change.old is None:
        yield step(change.new, phase, " ".join([verb, change.new.kind.upper(), change.new.name, *words]))


def _options(change: SchemaStep) -> list[str]:
    """Return the clause for options, without those that may be secrets: only a part of their hash is known."""
    hidden = _list_hidden(change)
    found, expected = _without(hidden, change.was("options")), _without(hidden, change.fact("options"))
    text = write_options(expected) if change.old is None else alter_options(found, expected)
    return [f"OPTIONS ({text})"] if text else []


def _list_hidden(change: SchemaStep) -> list[str]:
    expected = parse_settings(change.fact("options"))
    return [name for name, value in expected.items() if value.startswith(_HIDDEN)]


def _without(names: list[str], options: str) -> str:
    return ", ".join(f"{name}={value}" for name, value in parse_settings(options).items() if name not in names)


def _name_hidden(change: SchemaStep) -> Iterator[Step]:
    found, expected = parse_settings(change.was("options")), parse_settings(change.fact("options"))
    for name in _list_hidden(change):
        if found.get(name) != expected[name]:
            yield unwritten(change.new, f"option {name}: may be a secret and is not read")


def _name_unalterable(change: SchemaStep, *facts: str) -> Iterator[Step]:
    for fact in facts:
        if change.differs(fact):
            expected, found = change.fact(fact) or "none", change.was(fact) or "none"
            yield unwritten(change.new, f"{fact}: expected {expected}, found {found}, and no statement alters it")
