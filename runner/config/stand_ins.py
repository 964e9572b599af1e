"""Stand-ins for variables that are not set, for work that asks no server: a password is not needed to read files."""

import re
from collections.abc import Mapping
from pathlib import Path

# As in `dsn`: without a default, and not after a second dollar sign.
_UNSET = re.compile(r"(?<!\$)\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}")
# A reference that is a whole value is that of a whole connection string.
_WHOLE = re.compile(r"(?:^|[:,{\[])\s*(['\"]?)\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}\1\s*(?:$|[,}\]#])", re.MULTILINE)


def stand_in(path: Path, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment with a value for each variable that the file at `path` names, and that is not set.

    No two are alike, so that servers stay different. Nothing may connect with them.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return environment  # whoever reads the file says what is wrong with it
    unset = dict.fromkeys(found["name"] for found in _UNSET.finditer(text) if found["name"] not in environment)
    whole = {found["name"] for found in _WHOLE.finditer(text)}
    # A number, since a port must be one.
    values = {
        name: f"host=unset-{number} dbname=unset" if name in whole else str(number)
        for number, name in enumerate(unset, start=1)
    }
    return {**environment, **values}
