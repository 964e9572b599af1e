"""The way from a report to its stream: lines are escaped, unless a report says that a text is safe as it is."""

from collections.abc import Iterable
from typing import TextIO

from tenantry.reports.escaping import escape


class Output:
    """A stream as a report sees it. Reports get nothing else, so that none can forget to escape."""

    def __init__(self, stream: TextIO) -> None:
        # For what draws itself, and escapes its values before: rich.
        self.raw = stream

    def write_lines(self, lines: Iterable[str]) -> None:
        """Write lines, escaped; where a value brought a line end along, its next lines are indented further."""
        self.raw.writelines(f"{hang(line)}\n" for line in lines)

    def write_verbatim(self, text: str) -> None:
        """Write text as it is: SQL to be run, JSON and commands, in which values are escaped already."""
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
