"""The way from a report to its stream: lines are escaped, and a stream that cannot be written never ends a run.

The databases are the subject of a run, and what happens to its output is not: a stream that fails is remembered, and
the last words go to the other one.
"""

import errno
import io
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO, cast

from tenantry.model.words import describe_os_error
from tenantry.reports.escaping import escape

# EX_IOERR of sysexits.h: all ended well, but the report of it is lost.
LOST = 74
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


class Stream(io.TextIOBase):
    """A stream that raises nothing: text that it has no characters for is escaped, and after an error it is silent.

    `lost` is the reason why text is missing, empty if none is.
    """

    def __init__(self, file: TextIO | None) -> None:
        """Take the stream of the process; None if it was closed before the process began."""
        self._file = file
        self.lost = ""
        # Whoever closes a pipe has read enough: `tenantry status | head`.
        self.left = False

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has an attribute here
        """Return the encoding of the stream."""
        return getattr(self._file, "encoding", None) or "utf-8"

    def write(self, text: str | bytes) -> int:
        """Write text, or lose it; in bytes, as click writes its completions, it is UTF-8."""
        self._try(text if isinstance(text, str) else text.decode())
        return len(text)

    def flush(self) -> None:
        """Write what is buffered, or lose it."""
        if self._file is not None:
            self._try("")

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return self._file is not None and not self.lost and self._file.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the stream. Raises OSError if it has none."""
        if self._file is None:
            raise io.UnsupportedOperation("fileno")
        return self._file.fileno()

    def _try(self, text: str) -> None:
        if self._file is None:
            self.lost = self.lost or "closed"
            return
        try:
            if text:
                self._file.write(_fit(text, self.encoding))
            else:
                self._file.flush()
        except RuntimeError:
            # A signal came while its own line was being written: that line alone is missing.
            return
        except (OSError, ValueError) as error:
            self._lose(error)

    def _lose(self, error: Exception) -> None:
        if isinstance(error, OSError):
            self.lost = describe_os_error(error)
            self.left = error.errno == errno.EPIPE
        else:  # a file object that was closed within this process
            self.lost = "closed"
        # What is still buffered would be tried again, and fail again, when the interpreter ends.
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, cast(TextIO, self._file).fileno())
            os.close(nowhere)
        self._file = None


def _fit(text: str, encoding: str) -> str:
    """Return text with escapes for the characters that an encoding lacks."""
    return text.encode(encoding, "backslashreplace").decode(encoding)


@contextmanager
def guarded() -> Iterator[tuple[Stream, Stream]]:
    """Put streams that raise nothing in the place of stdout and stderr, for everything that writes to these."""
    _occupy()
    before = sys.stdout, sys.stderr
    out, err = Stream(sys.stdout), Stream(sys.stderr)
    sys.stdout, sys.stderr = cast(TextIO, out), cast(TextIO, err)
    try:
        yield out, err
    finally:
        out.flush()
        err.flush()
        sys.stdout, sys.stderr = before


def _occupy() -> None:
    """Open the null device in the place of each standard descriptor that is closed.

    The next connection would get its number otherwise, and be written to by whoever means stderr.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def settle(out: Stream, err: Stream, code: int, *, ends: str = "", for_people: bool = True) -> int:
    """Say on each stream what the other one has lost, and return the exit code: that of the run, or `LOST`.

    `ends` says how the run ended. Formats for programs are left as they are: not `for_people`.
    """
    out.flush()
    err.flush()
    if out.lost and not out.left:
        err.write(f"error: stdout: {out.lost}, the report was not written{ends and f': {ends}'}\n")
        err.flush()
    if err.lost and for_people:
        out.write(f"stderr: {err.lost}, warnings and log lines were not written\n")
        out.flush()
    return LOST if out.lost and code == 0 else code


class Output:
    """A stream as a report sees it. Reports get nothing else, so that none can forget to escape."""

    def __init__(self, stream: TextIO) -> None:
        # For what draws itself, and escapes its values before: rich.
        self.raw = stream

    def write_lines(self, lines: Iterable[str]) -> None:
        """Write lines, escaped; where a value brought a line end along, its next lines are indented further."""
        self.raw.writelines(f"{hang(line)}\n" for line in lines)

    def write_verbatim(self, text: str) -> None:
        """Write text as it is: SQL to be run and commands, in which values are escaped already."""
        self.raw.write(text)

    def write_json(self, text: str) -> None:
        """Write JSON, with JSON's own escapes for the characters that the stream's encoding lacks."""
        try:
            text.encode(self.raw.encoding or "utf-8")
        except UnicodeEncodeError:
            # Outside of its strings, JSON is ASCII.
            text = _BEYOND_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text)
        self.raw.write(text)

    def flush(self) -> None:
        """Flush the stream."""
        self.raw.flush()

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return self.raw.isatty()


def hang(line: str) -> str:
    """Return a line escaped; where a value brought line ends along, what follows them is indented further.

    The rest of a value must not look like a line of the report.
    """
    first, *rest = escape(line).split("\n")
    margin = " " * (len(first) - len(first.lstrip(" ")) + 4)
    return "\n".join([first, *(part and margin + part for part in rest)])
