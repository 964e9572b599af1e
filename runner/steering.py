"""The characters of a text that others wrote which would steer a terminal, or the eye of who reads it."""

import re

# C0 without tab and line end, DEL and C1; all with the property Bidi_Control, and the separators of lines and
# paragraphs; lone surrogates, which stand for bytes of a file name that are not UTF-8, and cannot be written.
STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# A line that GitHub takes for a command: it skips blanks before it. A cast may begin a line, but does not end in `::`.
WHOLE_COMMAND = re.compile(r"^([^\S\n]*):(?=:.*::)", re.MULTILINE)
# `##[error]`, `##vso[...]`, `##teamcity[...]`: other services, and older commands of GitHub, anywhere in a line.
HASHES = re.compile(r"##(?=[A-Za-z]*\[)")


def name_character(character: str) -> str:
    """Return a character as an escape, as programming languages write it."""
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
