"""Who may connect to an embedded server: the users whom its project belongs to, which the system itself vouches for.

No password has to be kept, printed or passed on. The files are beside the data, where the account of the server, which
may be one that other programs share, cannot change them.
"""

import os
import pwd
from pathlib import Path

from tenantry.postgres.embedded.account import Account
from tenantry.state import replace_file

_MAP = "tenantry"
# The first major whose maps may say that a user is let in as any role.
_ANY_ROLE = 16
_HBA = """\
# Written by tenantry at each start: by pg_ident.conf next to it, the system's users that connect as any role.
local all {roles} peer map={map}
local all all scram-sha-256
local replication all peer map={map}
"""


def write_access(state: Path, major: int, account: Account) -> dict[str, str]:
    """Write who may connect to the server of a state folder; return the settings that name the files.

    `account` is that of the server. Raises OSError.
    """
    users = [account.seen_as] if account.seen_as else _find_users(state)
    roles = "all" if major >= _ANY_ROLE else "postgres"
    lines = [f"{_MAP} {_quote(user)} {roles}" for user in users]
    files = {"hba_file": _HBA.format(roles=roles, map=_MAP), "ident_file": "".join(f"{line}\n" for line in lines)}
    paths = {name: state.resolve() / f"pg_{name.removesuffix('_file')}.conf" for name in files}
    for name, path in paths.items():
        # The account of the server reads it; there is no secret in it.
        replace_file(path, files[name], mode=0o644)
    return {name: str(path) for name, path in paths.items()}


def remove_access(state: Path) -> None:
    """Remove what `write_access` wrote. Raises OSError."""
    for name in ("pg_hba.conf", "pg_ident.conf"):
        (state / name).unlink(missing_ok=True)


def _find_users(state: Path) -> list[str]:
    """Return the names of those who may work on the project: this user, the owner of its state, and root."""
    names = []
    for uid in dict.fromkeys((os.geteuid(), state.stat().st_uid, 0)):
        try:
            names.append(pwd.getpwuid(uid).pw_name)
        except KeyError:  # of a container, perhaps: the server could not look it up either
            continue
    return names


def _quote(name: str) -> str:
    """Return a name as the file takes it, blanks included."""
    return '"' + name.replace('"', '""') + '"'
