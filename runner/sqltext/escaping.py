"""SQL written again so that it means the same, and steers neither a terminal nor a CI: names and strings with escapes.

Pure. A quoted name becomes U&"...", a string E'...', also one between dollar signs; comments are escaped as text is.
"""

import re
from collections.abc import Sequence

from tenantry.sqltext.lexer import Token, read_all
from tenantry.steering import HASHES, STEERING, WHOLE_COMMAND, name_character

_LINE_COMMENT = re.compile(r"--[^\n\r]*")
_LINE_END = re.compile(r"\r\n?")
_SPACE = re.compile(r"[\f\v]")
_HASH = r"#(?=#[A-Za-z]*\[)"
_IN_NAME = re.compile(rf"{STEERING.pattern}|\n|\\|{_HASH}")
_COLON = r"(?m:^(?P<blank>[^\S\n]*):(?=:))"
_IN_STRING = re.compile(rf"{STEERING.pattern}|{_HASH}|{_COLON}")
# In an escape string, a backslash and the character after it are one.
_IN_ESCAPED = re.compile(rf"\\(?P<after>.)|{_IN_STRING.pattern}", re.DOTALL)
_IN_COMMENT = re.compile(rf"{STEERING.pattern}|{_HASH}|{_COLON}")
_DOLLARS = re.compile(r"\$[^$]*\$")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# What reads the string after it in a way of its own: national, bits, hexadecimal, Unicode.
_PREFIX = re.compile(r"(?:(?<![\w$])[nbx]|u&)$", re.IGNORECASE)


def escape_sql(text: str) -> str | None:
    """Return SQL that reads the same to the server, without anything that steers; None where there is no such text."""
    marks = _find_marks(text)
    if not marks:
        return text
    tokens = list(read_all(text))
    written: list[str] = []
    for at, token in enumerate(tokens):
        part = text[token.start : token.end]
        if any(token.start <= mark < token.end for mark in marks):
            escaped = _write(text, tokens, at)
            if escaped is None:
                return None
            # The first character would become the end of a word that stands right before it.
            apart = token.kind == "quoted" and token.start and re.match(r"[\w$]", text[token.start - 1])
            part = f" {escaped}" if apart else escaped
        written.append(part)
    escaped = "".join(written)
    return None if _find_marks(escaped) else escaped


def _find_marks(text: str) -> list[int]:
    """Return the offsets of the characters that have to be written otherwise."""
    commands = (found.end() - 1 for found in WHOLE_COMMAND.finditer(text))
    others = (found.start() for pattern in (STEERING, HASHES) for found in pattern.finditer(text))
    return [*commands, *others]


def _write(text: str, tokens: Sequence[Token], at: int) -> str | None:
    """Return a token that has something that steers, without it; None if it cannot be written so."""
    token = tokens[at]
    part = text[token.start : token.end]
    if token.kind == "blank":
        return _write_blank(part)
    if part == ":":
        return "/**/:"
    if token.kind != "quoted" or _SURROGATE.search(part) or not _stands_alone(text, tokens, at):
        return None
    if part[0] == '"':
        return 'U&"' + _IN_NAME.sub(_spell_in_name, part[1:-1]) + '"'
    if part[0] in "eE":
        return _IN_ESCAPED.sub(_spell, part)
    if part[0] == "$":
        tag = _DOLLARS.match(part)
        assert tag, "a string between dollar signs begins with its tag"
        return _write_string(part[tag.end() : -tag.end()])
    return _write_string(part[1:-1].replace("''", "'")).replace("\n", "\\n")


def _stands_alone(text: str, tokens: Sequence[Token], at: int) -> bool:
    """Return whether a token is a whole name or string: not one with a prefix, nor a part of a longer string."""
    start = tokens[at].start
    if _PREFIX.search(text, max(start - 3, 0), start):
        return False
    before = next((one for one in reversed(tokens[:at]) if one.kind != "blank"), None)
    after = next((one for one in tokens[at + 1 :] if one.kind != "blank"), None)
    return text[start] == '"' or not any(
        one and text[one.start] in "'eE" and one.kind == "quoted" for one in (before, after)
    )


def _write_blank(part: str) -> str:
    """Return white space and comments, in which only the comments have anything to say."""
    if part.startswith("/*"):
        return _IN_COMMENT.sub(_name, part)
    spaced = _SPACE.sub(" ", _LINE_END.sub("\n", part))
    return _LINE_COMMENT.sub(lambda found: _IN_COMMENT.sub(_name, found[0]), spaced)


def _write_string(value: str) -> str:
    """Return a value as an escape string, with its lines."""
    doubled = value.replace("\\", "\\\\").replace("'", "''")
    return "E'" + _IN_STRING.sub(_spell, doubled) + "'"


def _spell(found: re.Match[str]) -> str:
    """Return what was found in a string as an escape."""
    groups = found.groupdict()
    if groups.get("after"):
        # A line end after a backslash is only a line end.
        return _spell_code(groups["after"]) if STEERING.match(groups["after"]) else found[0]
    return f"{groups['blank'] or ''}{_spell_code(found[0][-1])}"


def _spell_code(character: str) -> str:
    return f"\\u{ord(character):04X}"


def _spell_in_name(found: re.Match[str]) -> str:
    return "\\\\" if found[0] == "\\" else f"\\{ord(found[0]):04X}"


def _name(found: re.Match[str]) -> str:
    """Return what was found in a comment as an escape of text."""
    return f"{found['blank'] or ''}{name_character(found[0][-1])}"
