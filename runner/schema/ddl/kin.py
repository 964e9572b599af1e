"""The parts of a table that the server drops with one of its columns: indexes, constraints and statistics."""

import re
from collections.abc import Iterator

from tenantry.schema.ddl.names import read_local
from tenantry.schema.ddl.schema import Schema
from tenantry.schema.snapshot import SchemaObject

_QUOTED = re.compile(r"'(?:[^']|'')*'")
# The columns of each kind stand after these words, and before those that end the text.
_STARTS = {"index": " USING ", "statistics": " ON "}
_ENDS = re.compile(r" REFERENCES | FROM ")


def find_kin(column: SchemaObject, schema: Schema) -> Iterator[SchemaObject]:
    """Yield the parts that certainly go with a column: a name that may be another one's is not taken for it."""
    for part in schema.parts(column.parent):
        if is_kin(part, column):
            yield part


def is_kin(part: SchemaObject, column: SchemaObject) -> bool:
    """Return whether a part of a table goes with one of its columns."""
    if part.kind not in {"index", "constraint", "statistics"} or part.parent != column.parent:
        return False
    text = _QUOTED.sub("''", part.facts["definition"])
    text = _ENDS.split(text.partition(_STARTS[part.kind])[2] if part.kind in _STARTS else text)[0]
    # After a parenthesis, a comma, an operator or a word of SQL, and no function, type, collation or operator class.
    before, word = r"(?:[(,=<>+\-*/%|&!~#@^?]\s*|\b(?!COLLATE)[A-Z]+\s|^)", re.escape(read_local(column))
    return re.search(rf'{before}{word}(?![\w"$(.])', text) is not None
