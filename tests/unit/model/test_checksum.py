"""The checksum: what an editor or git may change without changing it, and that nothing else may."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.model.checksum import checksum, normalise
from tests.builders import unhurried

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# A text has no CR of its own here: which ones are ends of lines is the question.
LINES = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\ufeff"), max_size=20))
SHORT = st.text("aA1 \t\n'-é漢\u00a0\u2028", max_size=12)

# Never to change: ledgers in production hold these.
KNOWN = {
    "statement": (b"SELECT 1;\n", "sha256:b4e0497804e46e0a0b0b8c31975b062152d551bac49c3c2e80932567b4085dcd"),
    "multi-byte": (
        "-- é 漢字\nSELECT 'ü';\n".encode(),
        "sha256:df50794903ee321c273d7b083f3614b91af7cde5e4f2325b2884ed096283161b",
    ),
    "comment alone": (b"-- nothing to do", "sha256:ababeddb4c8bb924496ee6e7645d979777987cf11caf4e8d6a5f4594d1525ef9"),
    "all that does not count": (
        b"\xef\xbb\xbfSELECT 1;\r\n\r\n \t\f\v",
        "sha256:b4e0497804e46e0a0b0b8c31975b062152d551bac49c3c2e80932567b4085dcd",
    ),
}


def checksum_of(data: bytes) -> str:
    """Return the checksum of a file with these bytes."""
    return checksum(normalise(data))


@pytest.mark.parametrize(("data", "expected"), KNOWN.values(), ids=KNOWN)
def test_known(data: bytes, expected: str) -> None:
    """The checksum of a file is today what it was when the ledgers were written."""
    assert checksum_of(data) == expected


def test_recipe() -> None:
    """The checksum is SHA-256 of the UTF-8 text that ends in one LF: anybody can compute it with sha256sum."""
    data = "-- é\nSELECT 1;\n".encode()
    assert checksum_of(data) == "sha256:" + hashlib.sha256(data).hexdigest()


@unhurried
@given(LINES, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.text(" \t\n\r\f\v", max_size=6))
def test_what_an_editor_may_change(lines: list[str], end: str, marked: bool, tail: str) -> None:
    """Line ends, a byte-order mark and white space at the end of the file leave the checksum as it is."""
    as_written = "\n".join(lines).encode()
    as_saved = (BYTE_ORDER_MARK if marked else b"") + (end.join(lines) + tail).encode()
    assert checksum_of(as_saved) == checksum_of(as_written)


@unhurried
@given(LINES, st.data())
def test_mixed_line_ends(lines: list[str], data: st.DataObject) -> None:
    """A file in which two editors left their line ends has the checksum that it has with LF alone."""
    ends = data.draw(st.lists(st.sampled_from(["\n", "\r\n"]), min_size=len(lines), max_size=len(lines)))
    mixed = "".join(line + end for line, end in zip(lines, ends, strict=True))
    assert checksum_of(mixed.encode()) == checksum_of("\n".join(lines).encode())


@unhurried
@given(SHORT, SHORT)
def test_everything_else_counts(one: str, other: str) -> None:
    """Two texts have one checksum exactly if they are the same up to the white space at their ends."""
    same = one.rstrip(" \t\n") == other.rstrip(" \t\n")
    assert (checksum_of(one.encode()) == checksum_of(other.encode())) == same


@unhurried
@given(LINES, st.data())
def test_one_character(lines: list[str], data: st.DataObject) -> None:
    """One character more or less, before the end of the text, gives another checksum."""
    text = "\n".join(lines) + ";"
    place = data.draw(st.integers(0, len(text) - 1))
    # A mark at the very start is the one character that does not count.
    inserted = data.draw(st.sampled_from(["a", " ", "\n", "-", "\u00a0", *(["\ufeff"] if place else [])]))
    before = checksum_of(text.encode())
    assert checksum_of((text[:place] + inserted + text[place:]).encode()) != before
    assert checksum_of((text[:place] + text[place + 1 :]).encode()) != before


COUNTS = {
    "comment": "-- a\nSELECT 1;",
    "case": "select 1;",
    "white space at the start": " SELECT 1;",
    "white space at the end of a line": "SELECT 1; \n-- b",
    "no-break space at the end": "SELECT 1;\u00a0",
    "second byte-order mark": "\ufeff\ufeffSELECT 1;",
    "no final semicolon": "SELECT 1",
}


@pytest.mark.parametrize("text", COUNTS.values(), ids=COUNTS)
def test_what_counts(text: str) -> None:
    """Comments, case, white space inside and the final semicolon count."""
    others = {other for other in (*COUNTS.values(), "SELECT 1;", "SELECT 1;\n-- b") if other != text}
    assert checksum_of(text.encode()) not in {checksum_of(other.encode()) for other in others}


def test_not_utf8() -> None:
    """Bytes that are not UTF-8 raise UnicodeDecodeError, with their place."""
    with pytest.raises(UnicodeDecodeError) as caught:
        normalise(b"SELECT '\xe9';")
    assert caught.value.start == 8
