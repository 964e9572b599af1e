"""Owners, grants and default grants, with the words that stand for roles."""

import re
from collections.abc import Iterator
from dataclasses import replace

from tenantry.schema.ddl.code import read_target
from tenantry.schema.ddl.draft import Phase, Risk, Step
from tenantry.schema.ddl.names import RELATIONS, ROUTINES, TYPES, read_local, read_schema
from tenantry.schema.ddl.order import comment_out
from tenantry.schema.ddl.schema import SchemaStep, step, unwritten

_DEFAULTS = re.compile(r"^(tables|sequences|functions|types|schemas|large objects)(?: in schema (.+?))?(?: of (.+))?$")
_DEFAULT_KINDS = {
    "tables": RELATIONS,
    "sequences": frozenset({"sequence"}),
    "functions": ROUTINES,
    "types": TYPES,
    "schemas": frozenset({"schema"}),
}
_LOST = "revokes a role's privileges, or grants them differently"


def write_owner(change: SchemaStep) -> Iterator[Step]:
    """Yield OWNER TO for an object with another owner."""
    if change.differs("owner"):
        words = dict.fromkeys(TYPES - {"domain"}, "TYPE")
        word = words.get(change.new.kind, change.new.kind.upper())
        name = read_target(change.new)
        owner = change.fact("owner") or "CURRENT_USER"
        yield step(change.new, Phase.OWNER, f"ALTER {word} {name} OWNER TO {owner}")


def write_grants(change: SchemaStep) -> Iterator[Step]:
    """Yield GRANT and REVOKE, role by role."""
    for role, old, new in _list_roles(change):
        if old == new:
            yield from _write_unknown(change, role)
            continue
        if change.new.kind == "column" and _is_revoked_on_table(change, role):
            continue
        yield from _write_role(change, role, old, new)
        if change.new.kind in RELATIONS and change.old is not None and not old <= _grow(new):
            yield from _grant_columns(change, role)


def _list_roles(change: SchemaStep) -> Iterator[tuple[str, frozenset[str], frozenset[str]]]:
    """Yield each role with its privileges before and after."""
    old, new = _read_old(change), _parse(change.fact("grants"))
    for role in dict.fromkeys((*new, *old)):
        usual = _usual(change, role)
        yield role, old.get(role, usual), new.get(role, usual)


def _read_old(change: SchemaStep) -> dict[str, frozenset[str]]:
    """Return the privileges by role before; a new object has those that the default grants give it."""
    what = next((word for word, kinds in _DEFAULT_KINDS.items() if change.new.kind in kinds), "")
    if change.old is not None or not what:
        return _parse(change.was("grants"))
    given: dict[str, frozenset[str]] = {}
    for name in (what, f"{what} in schema {read_schema(change.new.name)}"):
        for role, privileges in _parse(change.found.facts("default grants", name).get("grants", "")).items():
            given[role] = given.get(role, frozenset()) | privileges
    return given


def _is_revoked_on_table(change: SchemaStep, role: str) -> bool:
    """Return whether the table of a column takes all privileges from a role, those on its columns too."""
    new, old = change.expected.relation(change.new.parent), change.found.relation(change.new.parent)
    if new is None or old is None:
        return False
    roles = _list_roles(SchemaStep(new, old, change.expected, change.found))
    return any(name == role and not before <= _grow(after) for name, before, after in roles)


def _grant_columns(change: SchemaStep, role: str) -> Iterator[Step]:
    """Yield the grants on columns, which REVOKE on their table took away too."""
    for column in change.expected.parts(change.new.name, "column"):
        new = _parse(column.facts.get("grants", "")).get(role, frozenset())
        old = _parse(change.found.facts("column", column.name).get("grants", "")).get(role, frozenset())
        part = SchemaStep(column, None, change.expected, change.found)
        for made in _write_role(part, role, frozenset(), new):
            # Of the table, so that it comes after the REVOKE.
            own = replace(made, key=change.new.key)
            yield comment_out(own, "granted again after the REVOKE above") if new <= _grow(old) else own


def _write_role(change: SchemaStep, role: str, old: frozenset[str], new: frozenset[str]) -> Iterator[Step]:
    keeps = old <= _grow(new)
    # Nobody loses a right on a new object.
    lost = not keeps and change.old is not None
    risk, note = (Risk.DESTRUCTIVE, _LOST) if lost else (Risk.ADDITIVE, "")
    held = _grow(old)
    if "MAINTAIN" in new - held and _is_owner(change, role):
        # It cannot be granted by its name before PostgreSQL 17: all is granted, and the rest revoked below.
        yield step(change.new, Phase.GRANT, _statement(change, "GRANT", frozenset({"ALL"}), "TO", role), risk, note)
        keeps, held = False, _OF_TABLES
    some = "MAINTAIN" in new & held and not any(word.endswith("*") for word in new | old)
    if not keeps:
        # All at once and then granted again: REVOKE of single privileges would have to know those that ALL includes.
        revoked = (_OF_TABLES & held) - new if some else frozenset({"ALL"})
        yield step(change.new, Phase.GRANT, _statement(change, "REVOKE", revoked, "FROM", role), risk, note)
    missing = new - held if keeps or some else new
    for option in (False, True):
        chosen = frozenset(word.removesuffix("*") for word in missing if word.endswith("*") is option)
        if chosen:
            sql = _statement(change, "GRANT", chosen, "TO", role) + (" WITH GRANT OPTION" if option else "")
            yield step(change.new, Phase.GRANT, sql, risk, note)


def _write_unknown(change: SchemaStep, role: str) -> Iterator[Step]:
    """Yield the loss of privileges that a built-in object or an extension gave a role, and name their return.

    A snapshot tells only privileges that are not as they were given, so it does not tell which these were.
    """
    had, has = (role in _parse(text) for text in (change.was("grants"), change.fact("grants")))
    if change.new.kind == "privileges" and has and not had:
        sql = _statement(change, "REVOKE", frozenset({"ALL"}), "FROM", role)
        yield step(change.new, Phase.GRANT, sql, Risk.DESTRUCTIVE, _LOST)
    elif change.new.kind == "privileges" and had and not has:
        yield unwritten(change.new, f"GRANT to {role} the privileges that the server or extension gives it")


def _grow(privileges: frozenset[str]) -> frozenset[str]:
    """Return privileges with those that they include: a grantable one the plain one, ALL every one."""
    plain = {word.removesuffix("*") for word in privileges}
    if "ALL" in plain:
        plain |= _EVERY
    grantable = {f"{word}*" for word in _EVERY} if "ALL*" in privileges else set()
    return privileges | plain | grantable


_EVERY = frozenset(
    {
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "TRUNCATE",
        "REFERENCES",
        "TRIGGER",
        "MAINTAIN",
        "USAGE",
        "CREATE",
        "EXECUTE",
    }
)


_OF_TABLES = _EVERY - {"USAGE", "CREATE", "EXECUTE"}
_BUT = "ALL but "


def _parse(grants: str) -> dict[str, frozenset[str]]:
    """Return privileges by role."""
    pairs = (entry.rpartition(": ") for entry in grants.split("; ") if entry)
    return {role: _read_privileges(text) for role, _, text in pairs}


def _read_privileges(text: str) -> frozenset[str]:
    """Return the privileges of a list, which names those that an owner of a table lacks or those that a role has."""
    words = frozenset(text.removeprefix(_BUT).split(", ")) - {"none"}
    return _OF_TABLES - words if text.startswith(_BUT) else words


def _usual(change: SchemaStep, role: str) -> frozenset[str]:
    """Return the privileges of a role without any grant."""
    kind, name = change.new.kind, change.new.name
    if kind == "privileges":
        # What it is by itself is known of a routine, a type and a language alone: one privilege, of everybody.
        single = name.split(" ")[0] in {"ROUTINE", "TYPE", "LANGUAGE"} and role == "PUBLIC"
        lost = role in _parse(change.was("grants")) or role in _parse(change.fact("grants"))
        return frozenset({"ALL"}) if single and lost else frozenset()
    if kind == "default grants":
        match = _DEFAULTS.match(name)
        if match is None or match.group(2):
            return frozenset()
        kind = match.group(1).removesuffix("s")
        own = role == (match.group(3) or "CURRENT_USER")
    else:
        own = _is_owner(change, role) and kind != "column"
    if own and kind != "identity sequence":
        return frozenset({"ALL"})
    if role != "PUBLIC":
        return frozenset()
    if kind in ROUTINES:
        return frozenset({"ALL"})
    if kind in TYPES or kind == "type" or (kind, name) == ("schema", "public"):
        return frozenset({"USAGE"})
    return frozenset()


def _is_owner(change: SchemaStep, role: str) -> bool:
    return role == (change.fact("owner") or "CURRENT_USER")


def _statement(change: SchemaStep, verb: str, privileges: frozenset[str], word: str, role: str) -> str:
    if change.new.kind == "default grants":
        return _statement_of_defaults(change, verb, privileges, word, role)
    name = change.new.name
    columns = f" ({read_local(change.new)})" if change.new.kind == "column" else ""
    if name.startswith("COLUMN ") and change.new.kind == "privileges":
        columns = f" ({name.rpartition('.')[2]})"
    text = ", ".join(f"{privilege}{columns}" for privilege in sorted(privileges))
    return f"{verb} {text} ON {_target(change)} {word} {role}"


def _statement_of_defaults(change: SchemaStep, verb: str, privileges: frozenset[str], word: str, role: str) -> str:
    match = _DEFAULTS.match(change.new.name)
    what, schema, owner = match.groups() if match else ("", None, None)
    words = ["ALTER DEFAULT PRIVILEGES", f"FOR ROLE {owner}" if owner else "", f"IN SCHEMA {schema}" if schema else ""]
    return " ".join(filter(None, [*words, verb, ", ".join(sorted(privileges)), "ON", what.upper(), word, role]))


def _target(change: SchemaStep) -> str:
    kind, name = change.new.kind, change.new.name
    if kind in RELATIONS:
        return f"TABLE {name}"
    if kind == "column":
        return f"TABLE {change.new.parent}"
    if kind == "privileges":
        return f"TABLE {name.removeprefix('COLUMN ').rpartition('.')[0]}" if name.startswith("COLUMN ") else name
    if kind == "identity sequence":
        return f"SEQUENCE {name}"
    if kind == "aggregate":
        return f"FUNCTION {name}"
    if kind == "server":
        return f"FOREIGN SERVER {name}"
    return f"TYPE {name}" if kind in TYPES else f"{kind.upper()} {name}"
