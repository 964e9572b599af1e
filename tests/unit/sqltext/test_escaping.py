"""SQL with control characters is written so that it means the same, and steers no terminal and no CI."""

import re

import pytest

from tenantry.sqltext import escape_sql
from tenantry.steering import HASHES, STEERING, WHOLE_COMMAND

EVIL = "x\x1b[2J\r\n::error::b\u202e ##[group]\x85\\"
WRITTEN = {
    'CREATE TABLE "x\x1b[2J" ()': 'CREATE TABLE U&"x\\001B[2J" ()',
    'SELECT 1 AS"x\n\x1b""\\"': 'SELECT 1 AS U&"x\\000A\\001B""\\\\"',
    'SELECT "##[error]"': 'SELECT U&"\\0023#[error]"',
    "SELECT 'it''s\x1b\\\n'": "SELECT E'it''s\\u001B\\\\\\n'",
    "SELECT E'\\'\\\x1b\\n'": "SELECT E'\\'\\u001B\\n'",
    "AS $f$SELECT '\x1b\\'\n$f$": "AS E'SELECT ''\\u001B\\\\''\n'",
    "SELECT x\n  ::text::citext": "SELECT x\n  /**/::text::citext",
    "SELECT 'a\n::error::b'": "SELECT E'a\\n\\u003A:error::b'",
    "SELECT $$a\n ::error::b$$": "SELECT E'a\n \\u003A:error::b'",
    "-- \x1b ##[a]\r\nSELECT 1\x0c": "-- \\x1b \\x23#[a]\nSELECT 1 ",
    "/* a\n::error::\x07 */ SELECT 1": "/* a\n\\x3a:error::\\x07 */ SELECT 1",
}
KEPT = ["SELECT x\n  ::text", "SELECT 'a\n::text'", "SELECT $$\n::text$$, E'\\t'", "tab\t", "", 'SELECT "é"']
# No text means the same without the character: a word, a string in parts, one with a prefix, one that never ends.
IMPOSSIBLE = ["x\x1b", "SELECT 'a\x1b'\n'b'", "SELECT 'a'\n'b\x1b'", "SELECT N'\x1b'", "U&'\x1b'", 'U&"\x1b"', "'\x1b"]


@pytest.mark.parametrize(("text", "written"), WRITTEN.items())
def test_written(text: str, written: str) -> None:
    """Names, strings and comments have the escapes of their kind; a cast that looks like a command is set off."""
    assert escape_sql(text) == written
    assert escape_sql(written) == written


@pytest.mark.parametrize("text", KEPT)
def test_kept(text: str) -> None:
    """SQL that steers nothing is the same to the character."""
    assert escape_sql(text) == text


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_impossible(text: str) -> None:
    """Where it cannot be written, there is no text rather than one that means something else."""
    assert escape_sql(text) is None


@pytest.mark.parametrize("text", ['"{}"', "'{}'", "E'{}\\'", "$f${}$f$", "/*{}*/", "--{}"])
def test_everything_at_once(text: str) -> None:
    """Whatever a name or a string holds, nothing of it is left raw."""
    escaped = escape_sql(text.format(EVIL))
    if text == "--{}":
        # Its second line is code.
        assert escaped is None
        return
    assert escaped is not None
    assert not any(pattern.search(escaped) for pattern in (STEERING, HASHES, WHOLE_COMMAND))
    assert re.search("error", escaped)
