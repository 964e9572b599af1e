"""The package's own SQL, each file next to the code that sends it."""

from functools import cache
from pathlib import Path
from typing import LiteralString

_PACKAGE = Path(__file__).parents[1]


@cache
def read_sql(owner: str, name: str) -> LiteralString:
    """Return the text of one of the package's own SQL files, by the folder that owns it and its name without suffix."""
    # A file of the package is as constant as a literal: no input of the user enters it.
    text: LiteralString = (_PACKAGE / owner / "sql" / f"{name}.sql").read_text("utf-8")
    return text
