"""CASCADE: objects that the file does not name are dropped as well."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import Match, Rule
from tenantry.lint.tree import squeeze, strings
from tenantry.lint.words import advise, show
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Level
from tenantry.sqltext.library import Node

_ALLOW = "-- lint: allow cascade because no release uses the objects that go with it\n"
_HELP = (
    "drop the objects by their names, in files whose review shows them, and leave CASCADE out; or say in the header "
    "that none of them is used"
)
_ACTIONS = ("DropColumn", "DropConstraint")
# Parts of a table, which is locked for them: nothing else depends on them but what the table needs.
_PARTS = ("OBJECT_INDEX", "OBJECT_POLICY", "OBJECT_RULE", "OBJECT_TRIGGER")


def _check(file: LintedFile) -> Iterator[Match]:
    for part in file.acts():
        if not _cascades(part):
            continue
        tables = tuple(name for name in _find_dependents(part) if not file.creates_again(part, name))
        if tables or (part.tag == "DropStmt" and not part.effect and not _is_own(file, part)):
            said = f" in or on {', '.join(map(show, tables))}" if tables else ""
            message = f"CASCADE also drops the objects that depend on it{said}: anything that still uses them fails"
            yield Match(part.start, message, advise(_HELP, f"{_ALLOW}{squeeze(part.text)};\n"), tables)


def _cascades(part: LintedStatement) -> bool:
    """Return whether a statement drops what depends on an object that it names; a part of a table is no such object."""
    if part.tag == "DropStmt":
        return part.node.get("behavior") == "DROP_CASCADE" and part.node["removeType"] not in _PARTS
    return any(command.kind in _ACTIONS and command.cascades for _, command in part.commands())


def _is_own(file: LintedFile, part: LintedStatement) -> bool:
    """Return whether an earlier statement of the file seems to create one of the objects that are dropped."""
    names = [_read_words(each)[-1] for each in part.node["objects"]]
    created = [each.text for each in file.acts() if each.start < part.start and each.tag.startswith("Create")]
    return any(name in text for name in names for text in created)


def _find_dependents(part: LintedStatement) -> tuple[str, ...]:
    """Return the relations of earlier files that the drop takes or changes, but for those that it names."""
    if not part.effect:
        return ()
    if part.tag == "DropStmt":
        named = {".".join(_read_words(each)) for each in part.node["objects"]}
    else:
        own = part.find(part.node["relation"])
        named = {own, *(name for name, table in part.effect.partitions if table == own)}
    closed = [lock.relation for lock in part.effect.locks if lock.mode is LockMode.ACCESS_EXCLUSIVE]
    found = dict.fromkeys((*closed, *part.effect.dropped))
    return tuple(name for name in found if not named & {name, name.partition(".")[2]})


def _read_words(item: Node) -> list[str]:
    """Return the parts of a name in a DROP as they are written there."""
    if "String" in item:
        return strings([item])
    ((kind, node),) = item.items()
    return strings(node[{"List": "items", "ObjectWithArgs": "objname", "TypeName": "names"}[kind]])


RULE = Rule(
    "cascade",
    Level.CAUTION,
    "a DROP ... CASCADE also drops objects that it does not name",
    "drop each object by its name, without CASCADE",
    _check,
)
UNSAFE = (
    "DROP TYPE mood CASCADE;\n",
    "DROP FUNCTION is_title(text) CASCADE;\n",
    "DROP SCHEMA old CASCADE;\n",
    "DO $$ BEGIN EXECUTE 'DROP TYPE mood CASCADE'; END $$;\n",
)
