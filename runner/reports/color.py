"""Whether a stream gets colours: the variables that people set for all programs, and else whether it is a terminal."""

import os
from typing import TextIO

_NONE = "0"


def wants_color(stream: TextIO) -> bool:
    """Return whether to write colours: NO_COLOR, then FORCE_COLOR and CLICOLOR_FORCE, then CLICOLOR, then the terminal.

    An empty variable counts as none, as https://no-color.org asks for.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if any(os.environ.get(name, _NONE) not in ("", _NONE) for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    if os.environ.get("CLICOLOR") == _NONE or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()
