"""A foreign key or a check that is checked for every row while the application waits."""

from collections.abc import Iterator

from tenantry.lint.reading import LintedFile, LintedStatement
from tenantry.lint.rule import NAMES, Match, Rule
from tenantry.lint.tree import Command, cut, squeeze, strings, typed
from tenantry.lint.words import advise, show, wait
from tenantry.model.effects import LockMode
from tenantry.model.hazards import Harm, Level
from tenantry.sqltext.library import Node
from tenantry.sqltext.names import quote, quote_qualified

_WHILE = "while every row is checked"
_SENTENCE = (
    "add it NOT VALID, so that only new rows are checked, and validate the others in a later file, under a lock that "
    "allows reads and writes"
)
_OF_PARTITIONS = (
    "add it to each partition NOT VALID, and validate it there in a later file, under a lock that allows reads and "
    "writes; then add it to the table, which takes those of its partitions"
)
_FILLS = ("CONSTR_DEFAULT", "CONSTR_GENERATED", "CONSTR_IDENTITY")
_CHECKED = {"CONSTR_CHECK": LockMode.ACCESS_EXCLUSIVE, "CONSTR_FOREIGN": LockMode.SHARE_ROW_EXCLUSIVE}


def _check(file: LintedFile) -> Iterator[Match]:
    for part in file.parts:
        for table, command in part.commands():
            if command.kind == "AddConstraint" and _checks(part, table, command.node):
                yield _found(part, table, command, command.node, command.text)
            if command.kind == "AddColumn":
                yield from _check_column(part, table, command)


def _check_column(part: LintedStatement, table: str, command: Command) -> Iterator[Match]:
    """Yield the findings for the constraints of a new column; a foreign key that is all nulls is not checked."""
    constraints = [each["Constraint"] for each in command.node.get("constraints", ())]
    # Without a value, a new column has only nulls, which pass a foreign key unchecked.
    filled = any(each["contype"] in _FILLS for each in constraints)
    for index, constraint in enumerate(constraints):
        foreign = constraint["contype"] == "CONSTR_FOREIGN"
        if _checks(part, table, constraint) and (filled or not foreign):
            behind = (each for each in constraints[index + 1 :] if not each["contype"].startswith("CONSTR_ATTR"))
            following = next((each["location"] for each in behind), None)
            text = cut(part.text, command.text, constraint["location"], following)
            bare = squeeze(command.text.replace(text, "").strip())
            if foreign:
                text = text.replace("REFERENCES", f"FOREIGN KEY ({quote(command.name)}) REFERENCES", 1)
            named = {**constraint, "fk_attrs": [{"String": {"sval": command.name}}], "checked": command.name}
            yield _found(part, table, command, named, f"ADD {text}", column=bare)


def _checks(part: LintedStatement, table: str, constraint: Node) -> bool:
    """Return whether existing rows are checked: if it was measured, whether they were read."""
    if constraint["contype"] not in _CHECKED or constraint.get("skip_validation"):
        return False
    # A foreign key is not looked at for a table without rows, however large the other one is.
    return table not in part.emptied and (part.effect is None or part.scans(table))


def _found(
    part: LintedStatement, table: str, command: Command, constraint: Node, added: str, *, column: str = ""
) -> Match:
    """Return the finding for a constraint; `column` is the command that adds its column without it, if there is one."""
    alter = f"ALTER TABLE {typed(part.node['relation'])}"
    name = constraint.get("conname") or _name(table, constraint)
    if "conname" not in constraint:
        added = f"ADD CONSTRAINT {quote(name)} {added.partition(' ')[2].strip()}"
    divided = table in part.partitioned and constraint["contype"] == "CONSTR_FOREIGN"
    files = (
        _write_parts(part, table, squeeze(added), name)
        if divided
        else (f"{alter} {squeeze(added)} NOT VALID", f"{alter} VALIDATE CONSTRAINT {quote(name)}")
    )
    if column and files:
        files = (f"{alter} {column};\n{files[0]}", *files[1:])
    text = advise(_OF_PARTITIONS if divided else _SENTENCE, *files)
    mode = max(part.locks.get(table, LockMode.ACCESS_SHARE), _CHECKED[constraint["contype"]])
    message = wait(mode, table, _WHILE)
    return Match(
        part.start + command.start,
        message,
        text,
        _tables(part, table, constraint),
        name=name,
        many=f"{message} for {NAMES}",
    )


def _write_parts(part: LintedStatement, table: str, added: str, name: str) -> tuple[str, ...]:
    """Return the files for a foreign key of a partitioned table, which must be valid: it takes those of partitions."""
    partitions = part.effect.partitions if part.effect else ()
    alters = [
        f"ALTER TABLE {quote_qualified(leaf)}" for leaf, root in partitions if root == table and leaf in part.scanned
    ]
    if table in part.unnamed or not alters:
        return ()
    whole = f"ALTER TABLE {typed(part.node['relation'])} {added}"
    return (
        ";\n".join(f"{alter} {added} NOT VALID" for alter in alters),
        ";\n".join(f"{alter} VALIDATE CONSTRAINT {quote(name)}" for alter in alters),
        whole,
    )


def _name(table: str, constraint: Node) -> str:
    """Return the name that the server would choose, but for its limit on the length."""
    own = show(table).rpartition(".")[2]
    if constraint["contype"] == "CONSTR_FOREIGN":
        return "_".join((own, *strings(constraint["fk_attrs"]), "fkey"))
    # A check that is written with a column has its name.
    return "_".join(filter(None, (own, constraint.get("checked", ""), "check")))


def _tables(part: LintedStatement, table: str, constraint: Node) -> tuple[str, ...]:
    other = part.find(constraint["pktable"]) if "pktable" in constraint else ""
    return tuple(dict.fromkeys(filter(None, (table, other))))


RULE = Rule(
    "not-valid",
    Level.DANGER,
    "a constraint is checked for every row while the application waits",
    "add it with NOT VALID, and run VALIDATE CONSTRAINT in a later file",
    _check,
    harm=Harm.LARGE,
)
UNSAFE = (
    "ALTER TABLE sessions ADD CONSTRAINT sessions_other_fkey FOREIGN KEY (other_id) REFERENCES rooms (id);\n",
    "ALTER TABLE sessions\n    ADD FOREIGN KEY (other_id)\n    REFERENCES rooms (id) ON DELETE SET NULL;\n",
    "ALTER TABLE public.sessions ADD CONSTRAINT titled CHECK (title <> '');\n",
    "ALTER TABLE sessions ADD CHECK (room_id > 0);\n",
    "ALTER TABLE sessions ADD COLUMN fee integer CONSTRAINT paid CHECK (fee > 0) DEFAULT 5;\n",
    "ALTER TABLE sessions ADD COLUMN hall_id integer DEFAULT 1000001 REFERENCES rooms (id) DEFERRABLE NOT NULL;\n",
)
