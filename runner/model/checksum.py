"""The checksum of a migration file: of its text, so that neither git nor an editor changes it.

The recipe is a promise, written down in docs/reference/formats.md: ledgers in production contain its results.
"""

import hashlib
from collections.abc import Iterable

_BYTE_ORDER_MARK = "\ufeff"
# Only ASCII white space: the rest of Unicode's white space may change from one Python version to the next.
_WHITE_SPACE = " \t\n\r\f\v"


def normalise(data: bytes) -> str:
    """Return the text of a file: UTF-8 without a byte-order mark, CRLF and CR as LF.

    Raises UnicodeDecodeError if the bytes are not UTF-8.
    """
    return data.decode("utf-8").removeprefix(_BYTE_ORDER_MARK).replace("\r\n", "\n").replace("\r", "\n")


def checksum(text: str) -> str:
    """Return `sha256:` and 64 hex digits for a normalised text; white space at its end counts as one LF."""
    canonical = text.rstrip(_WHITE_SPACE) + "\n"
    return "sha256:" + hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def hash_prefix(statements: Iterable[str]) -> str:
    """Return `sha256:` and 64 hex digits for the texts of a file's first statements, each followed by a NUL.

    No statement can contain a NUL. The text between statements does not count.
    """
    joined = "".join(f"{text}\0" for text in statements)
    return "sha256:" + hashlib.sha256(joined.encode("utf-8")).hexdigest()
