"""The parts of a table that the server drops with one of its columns: indexes, constraints and statistics."""

import re
from collections.abc import Iterator

from tenantry.schema.ddl.names import read_local
from tenantry.schema.ddl.schema import Schema
from tenantry.schema.snapshot import SchemaObject

# A quoted name that is the column's.
_SAME = '"c"'
_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*["]""")
# Words that stand where a column may, and are none: fields, access methods, options and types.
_OTHERS = re.compile(r"(?<=\bEXTRACT\()\w+ FROM | USING \S+(?= )|\w+=(?:''|\w+)|\b(?:AS|RETURNING) [\w.\"]+|\w+ => ")
# The text of a kind, of which a group holds the columns.
_COLUMNS = {
    "index": re.compile(r".*? ON (?:ONLY )?\S+ +(.*)", re.DOTALL),
    "statistics": re.compile(r".*? ON (.*) FROM ", re.DOTALL),
    "constraint": re.compile(r"(.*?)(?: REFERENCES |$)", re.DOTALL),
}


def find_kin(column: SchemaObject, schema: Schema) -> Iterator[SchemaObject]:
    """Yield the parts that certainly go with a column: a name that may be another one's is not taken for it."""
    for part in schema.parts(column.parent):
        if is_kin(part, column):
            yield part


def is_kin(part: SchemaObject, column: SchemaObject) -> bool:
    """Return whether a part of a table goes with one of its columns."""
    if part.kind not in _COLUMNS or part.parent != column.parent:
        return False
    name = read_local(column)
    found = _COLUMNS[part.kind].match(_OTHERS.sub(" ", _blank(part.facts["definition"], name)))
    # After a bracket, a comma, an operator or a word of SQL, and no function, type, collation or operator class.
    before = r"(?:[(\[,=<>+\-*/%|&!~#@^?]\s*|\b(?!COLLATE)[A-Z]+\s+|^)"
    word = _SAME if name.startswith('"') else re.escape(name)
    return found is not None and re.search(rf'{before}{word}(?![\w"$(.])', found[1]) is not None


def _blank(definition: str, name: str) -> str:
    """Return a definition without its strings and quoted names, of which one that is the column's stays one."""
    return _QUOTED.sub(lambda found: _SAME if found[0] == name else found[0][0] * 2, definition)
