"""The defaults of new columns: whether a value may differ from row to row, and the files that add a column without."""

from tenantry.lint.reading import LintedStatement
from tenantry.lint.tree import Command, cut, squeeze, typed, walk
from tenantry.lint.words import BATCHED, show
from tenantry.sqltext.library import Node
from tenantry.sqltext.names import quote

_SERIAL = {"serial": "integer", "serial4": "integer", "bigserial": "bigint", "serial8": "bigint"}
_SERIAL |= {"smallserial": "smallint", "serial2": "smallint"}
# The functions that are called most often among those that give one value for the whole statement.
_STABLE = frozenset({"now", "transaction_timestamp", "statement_timestamp", "current_setting", "timezone"})


def differs(column: Node) -> bool:
    """Return whether a value may differ from row to row; only a measurement tells whether it does."""
    return _type(column) in _SERIAL or any(
        _calls(constraint["Constraint"].get("raw_expr")) or constraint["Constraint"]["contype"] == "CONSTR_IDENTITY"
        for constraint in column.get("constraints", ())
        if constraint["Constraint"]["contype"] in ("CONSTR_DEFAULT", "CONSTR_IDENTITY")
    )


def _calls(expression: Node | None) -> bool:
    names = (node["funcname"][-1]["String"]["sval"] for tag, node in walk(expression) if tag == "FuncCall")
    return any(name not in _STABLE for name in names)


def _type(column: Node) -> str:
    name: str = column["typeName"]["names"][-1]["String"]["sval"]
    return name


def write_filled(part: LintedStatement, table: str, command: Command) -> tuple[str, str]:
    """Return the files that add a column without a value, and fill it."""
    name, column = typed(part.node["relation"]), quote(command.name)
    alter = f"ALTER TABLE {name}"
    first, value = _read_default(part, command) or _make_sequence(part, table, command)
    return (
        f"{first}{alter} ADD COLUMN {column} {_read_type(part, command)};\n"
        f"{alter} ALTER COLUMN {column} SET DEFAULT {value}",
        f"{BATCHED}UPDATE {name} SET {column} = {value} WHERE {column} IS NULL;\n",  # noqa: S608  # for a person to type
    )


def _read_type(part: LintedStatement, command: Command) -> str:
    """Return the type as it is written; of a serial type, the integer type it is short for."""
    if kind := _SERIAL.get(_type(command.node)):
        return kind
    end = command.node["constraints"][0]["Constraint"]["location"]
    return squeeze(cut(part.text, command.text, command.node["typeName"]["location"], end))


def _read_default(part: LintedStatement, command: Command) -> tuple[str, str] | None:
    """Return the expression of the default, which needs nothing before it; None if there is no DEFAULT."""
    constraints = [each["Constraint"] for each in command.node.get("constraints", ())]
    for index, constraint in enumerate(constraints):
        if constraint["contype"] == "CONSTR_DEFAULT":
            end = constraints[index + 1]["location"] if index + 1 < len(constraints) else None
            text = cut(part.text, command.text, constraint["location"], end)
            return "", squeeze(text[len("DEFAULT") :].strip())
    return None


def _make_sequence(part: LintedStatement, table: str, command: Command) -> tuple[str, str]:
    """Return the statement that creates a sequence, and the call for its next value."""
    schema = part.node["relation"].get("schemaname")
    own = f"{show(table).rpartition('.')[2]}_{command.name}_seq"
    sequence = ".".join(quote(word) for word in (schema, own) if word)
    literal = sequence.replace("'", "''")
    return f"CREATE SEQUENCE {sequence};\n", f"nextval('{literal}')"
