"""The time since the process began: what the person in front of it has waited."""

import os
import time
from contextlib import suppress
from pathlib import Path

_LOADED = time.monotonic()
# Of the fields after the program's name in /proc/self/stat: the start, in ticks since the machine was started.
_STARTED = 19


def waited_ms() -> int:
    """Return the milliseconds since the process began; since this module was loaded where the system does not say."""
    with suppress(OSError, ValueError, IndexError, AttributeError):
        fields = Path("/proc/self/stat").read_text("utf-8").rpartition(")")[2].split()
        began_s = int(fields[_STARTED]) / os.sysconf("SC_CLK_TCK")
        return max(0, int((time.clock_gettime(time.CLOCK_BOOTTIME) - began_s) * 1000))
    return int((time.monotonic() - _LOADED) * 1000)
