"""A unique constraint or a primary key that builds its index while the application waits."""

from collections.abc import Iterator

from tenantry.lint.defaults import differs, write_filled
from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import NAMES, Match, Rule
from tenantry.lint.tree import Command, cut, squeeze, strings, typed
from tenantry.lint.words import ALONE, EACH_PARTITION, LAYERS, advise, wait
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Harm, Level
from tenantry.sqltext.library import Node
from tenantry.sqltext.names import quote, quote_qualified

_WORDS = {"CONSTR_UNIQUE": "UNIQUE", "CONSTR_PRIMARY": "PRIMARY KEY"}


def _check(file: LintedFile) -> Iterator[Match]:
    for part in file.parts:
        for table, command in part.commands():
            for constraint in _find_built(part, table, command):
                name = constraint.get("conname") or _name(table, command, constraint)
                message = wait(LockMode.ACCESS_EXCLUSIVE, table, "while its index is built")
                many = wait(LockMode.ACCESS_EXCLUSIVE, table, f"while the indexes {NAMES} are built")
                text = _advise(part, table, command, {**constraint, "conname": name}, _list_dropped(file, part, name))
                yield Match(part.start + command.start, message, text, (table,), name=name, many=many)


def _find_built(part: LintedStatement, table: str, command: Command) -> Iterator[Node]:
    """Yield the constraints of a command, of its table or of a new column, for which an index is built."""
    if part.effect and not part.scanned:
        return
    # Without a measurement: of a partitioned table alone, there is nothing to read.
    if not part.effect and table in part.partitioned and not part.node["relation"].get("inh"):
        return
    inner = [each["Constraint"] for each in command.node.get("constraints", ())]
    own = {"AddConstraint": [command.node], "AddColumn": inner}.get(command.kind, [])
    # USING INDEX takes an index that exists already.
    yield from ({**each, **_defer(inner)} for each in own if each["contype"] in _WORDS and "indexname" not in each)


def _defer(constraints: list[Node]) -> Node:
    """Return the words of a column's constraints about the time of their checks, as a table's constraint has them."""
    kinds = {each["contype"] for each in constraints}
    found = {"deferrable": "CONSTR_ATTR_DEFERRABLE" in kinds, "initdeferred": "CONSTR_ATTR_DEFERRED" in kinds}
    return {word: value for word, value in found.items() if value}


def _list_dropped(file: LintedFile, part: LintedStatement, name: str) -> list[str]:
    """Return the constraints that a statement drops next to a new one, or that the file drops to reuse the name."""
    here = [command.name for _, command in part.commands() if command.kind == "DropConstraint"]
    before = (each for each in file.parts if each.start < part.start)
    earlier = (command for each in before for _, command in each.commands() if command.kind == "DropConstraint")
    return list(dict.fromkeys([*here, *(command.name for command in earlier if command.name == name)]))


def _name(table: str, command: Command, constraint: Node) -> str:
    """Return the name that the server would choose, but for its limit on the length."""
    suffix = "pkey" if constraint["contype"] == "CONSTR_PRIMARY" else f"{'_'.join(_columns(command, constraint))}_key"
    return f"{table.partition('.')[2]}_{suffix}"


def _columns(command: Command, constraint: Node) -> list[str]:
    return strings(constraint["keys"]) if "keys" in constraint else [command.name]


def _advise(part: LintedStatement, table: str, command: Command, constraint: Node, dropped: list[str]) -> str:
    """Return the safe form: the column, if it is new, then what a primary key needs, the index, and the constraint."""
    columns = _columns(command, constraint)
    first = _write_column(part, table, command) if command.kind == "AddColumn" else ()
    required = part.effect.required if part.effect else ()
    nullable = [] if constraint["contype"] == "CONSTR_UNIQUE" else [each for each in columns if each not in required]
    if table in part.unnamed:
        return advise(EACH_PARTITION)
    if part.has_layers(table):
        return advise(LAYERS)
    if table in part.partitioned:
        return advise(
            _OF_PARTITIONS, *first, *_require(part, table, nullable), *_write_parts(part, constraint, columns)
        )
    own, name, word = quote(constraint["conname"]), typed(part.node["relation"]), _WORDS[constraint["contype"]]
    # The server gives the index the name of its constraint, which another one has until then.
    index = quote(f"{constraint['conname']}_new") if constraint["conname"] in dropped else own
    built = f"{ALONE}CREATE UNIQUE INDEX CONCURRENTLY {index} ON {name} {_list(columns)}{_write_more(constraint)};\n"
    gone = "".join(f"DROP CONSTRAINT {quote(each)}, " for each in dropped)
    added = f"ALTER TABLE {name} {gone}ADD CONSTRAINT {own} {word} USING INDEX {index}{_write_deferred(constraint)}"
    if not nullable:
        sentence = "build its index first, in a file of its own, while writes continue"
        return advise(sentence, *first, built, added)
    sentence = "build its index first, while writes continue, and validate a check, or every row is searched for nulls"
    if first:
        sentence = f"fill the column first; {sentence}"
    checked, validated, required_now = _require(part, table, nullable)
    unchecked = required_now.rpartition(";\n")[2]
    return advise(sentence, *first, built, checked, validated, f"{added};\n{unchecked}")


def _write_column(part: LintedStatement, table: str, command: Command) -> tuple[str, ...]:
    """Return the files that add a new column, with its type as it is written; and fill it, if each row has a value."""
    if differs(command.node):
        return write_filled(part, table, command)
    end = command.node["constraints"][0]["Constraint"]["location"]
    kind = cut(part.text, command.text, command.node["typeName"]["location"], end)
    return (f"ALTER TABLE {typed(part.node['relation'])} ADD COLUMN {quote(command.name)} {squeeze(kind)}",)


def _require(part: LintedStatement, table: str, columns: list[str]) -> tuple[str, ...]:
    """Return the files that have columns without NULL required; none for no columns."""
    if not columns:
        return ()
    alter, check = f"ALTER TABLE {typed(part.node['relation'])}", quote(f"{table.partition('.')[2]}_given")
    given = " AND ".join(f"{quote(column)} IS NOT NULL" for column in columns)
    required = ", ".join(f"ALTER COLUMN {quote(column)} SET NOT NULL" for column in columns)
    return (
        f"{alter} ADD CONSTRAINT {check} CHECK ({given}) NOT VALID",
        f"{alter} VALIDATE CONSTRAINT {check}",
        f"{alter} {required};\n{alter} DROP CONSTRAINT {check}",
    )


def _write_parts(part: LintedStatement, constraint: Node, columns: list[str]) -> tuple[str, str, str]:
    """Return the files that add a constraint to a partitioned table: on it alone, on each partition, and attached."""
    own, word, more = constraint["conname"], _WORDS[constraint["contype"]], _write_more(constraint)
    text = (
        f"{word}{_write_nulls(constraint)} {_list(columns)}{_write_included(constraint)}{_write_deferred(constraint)}"
    )
    whole = f"ALTER TABLE ONLY {typed(part.node['relation'])} ADD CONSTRAINT {quote(own)} {text}"
    schema = part.scanned[0].partition(".")[0]
    built, attached, later = ALONE, "", _write_deferred(constraint)
    for name in part.scanned:
        space, _, table = name.partition(".")
        shown, index = quote_qualified(name), quote(f"{table}_{own}")
        built += f"CREATE UNIQUE INDEX CONCURRENTLY {index} ON {shown} {_list(columns)}{more};\n"
        attached += f"ALTER TABLE {shown} ADD CONSTRAINT {index} {word} USING INDEX {index}{later};\n"
        attached += f"ALTER INDEX {quote(schema)}.{quote(own)} ATTACH PARTITION {quote(space)}.{index};\n"
    return whole, built, attached


def _write_more(constraint: Node) -> str:
    """Return the rest of an index: its parts stand in another order than those of a constraint."""
    return _write_included(constraint) + _write_nulls(constraint)


def _write_included(constraint: Node) -> str:
    included = strings(constraint.get("including", []))
    return f" INCLUDE {_list(included)}" if included else ""


def _write_deferred(constraint: Node) -> str:
    words = ("deferrable", " DEFERRABLE"), ("initdeferred", " INITIALLY DEFERRED")
    return "".join(text for word, text in words if constraint.get(word))


def _write_nulls(constraint: Node) -> str:
    return " NULLS NOT DISTINCT" if constraint.get("nulls_not_distinct") else ""


def _list(columns: list[str]) -> str:
    return f"({', '.join(map(quote, columns))})"


_OF_PARTITIONS = (
    "add it to the table alone, which reads no row, and build its index on each partition while writes continue"
)


RULE = Rule(
    "constraint-index",
    Level.DANGER,
    "a unique constraint or primary key builds its index while the application waits",
    "build the index with CREATE UNIQUE INDEX CONCURRENTLY first, and add the constraint USING INDEX",
    _check,
    harm=Harm.LARGE,
)
UNSAFE = (
    "ALTER TABLE sessions ADD CONSTRAINT sessions_code_key UNIQUE (code);\n",
    "ALTER TABLE sessions ADD UNIQUE NULLS NOT DISTINCT (code, title) INCLUDE (room_id);\n",
    "ALTER TABLE public.plays ADD PRIMARY KEY (room_id);\n",
    "ALTER TABLE sessions ADD COLUMN email text UNIQUE, ADD UNIQUE (title);\n",
    "ALTER TABLE parts ADD PRIMARY KEY (kind, n);\n",
)
