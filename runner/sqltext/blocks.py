"""Places in the body of a DO block that the server names by their line alone."""

import re

_LINE = re.compile(r"\binline_code_block\D+(?P<line>[0-9]+)")
_BODY = re.compile(r"\$(?:[^\W\d]\w*)?\$|'")


def find_in_block(text: str, context: str) -> int:
    """Return the offset in a DO statement of the line that the context of an error names; 0 if it names none.

    PL/pgSQL counts the lines of the body from 1, which is the one of the opening quote.
    """
    named, opened = _LINE.search(context), _BODY.search(text)
    if not named or not opened:
        return 0
    start = opened.end()
    for _ in range(int(named["line"]) - 1):
        start = text.find("\n", start) + 1
        if not start:
            return 0
    return start + len(text[start:]) - len(text[start:].lstrip(" \t"))
