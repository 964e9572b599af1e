"""Escapes for text that others wrote: what a database or a file name holds must not steer a terminal or a CI.

Pure. Control characters and those that turn the direction of text become escapes; so does the beginning of what a CI
would take for a command.
"""

import re

from tenantry.steering import HASHES, STEERING, WHOLE_COMMAND, name_character

# GitHub skips blanks before a command. Colours of our own may precede it: of others, no code is left at that point.
_COMMAND = re.compile(r"^((?:\x1b\[[0-9;]*m|[^\S\n])*):(?=:)", re.MULTILINE)


def escape_controls(text: str) -> str:
    """Return text with the characters escaped that would steer a terminal; lines and tabs remain."""
    return STEERING.sub(lambda found: name_character(found[0]), text)


def escape(text: str) -> str:
    """Return text as people may see it: lines and tabs remain, what would steer a terminal or a CI is escaped."""
    return break_commands(HASHES.sub(r"#\\x23", escape_controls(text)))


def escape_line(text: str) -> str:
    """Return text for one line, such as the cell of a table: line ends and tabs are escaped as well."""
    return escape(text).replace("\n", "\\n").replace("\t", "\\t")


def escape_source(text: str) -> str:
    """Return source text that may be kept as a file: a line may begin with a cast, only a whole command is broken."""
    return WHOLE_COMMAND.sub(r"\1\\x3a", HASHES.sub(r"#\\x23", escape_controls(text)))


def break_commands(text: str) -> str:
    """Return text without a line that begins with `::`, also where colours of our own precede it."""
    return _COMMAND.sub(r"\1\\x3a", text)


def escape_json(text: str) -> str:
    """Return JSON that reads the same and holds no character raw that would steer a terminal or a CI."""
    # Outside of its strings, JSON has none of these but line ends.
    return HASHES.sub(r"#\\u0023", STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text))
