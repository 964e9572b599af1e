"""The account of the server's programs: PostgreSQL refuses root, and only folders created here change permissions."""

import contextlib
import os
import pwd
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tenantry.model.errors import ServerError


@dataclass(frozen=True, slots=True)
class Account:
    """The account of the server's programs: None keeps the user of this process. `prefix` precedes the command.

    `seen_as` is the name under which the server sees this process, if that is not its own.
    """

    uid: int | None = None
    gid: int | None = None
    prefix: tuple[str, ...] = ()
    seen_as: str = ""


def drop_to(user: pwd.struct_passwd) -> Account:
    """Return a user's account, for which root gives up its own."""
    return Account(user.pw_uid, user.pw_gid)


def namespace(user: pwd.struct_passwd) -> Account:
    """Return an account that is root outside and a user inside: for folders that only root can enter."""
    return Account(
        prefix=("unshare", "--user", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}", "--"),
        # So it sees others as well, but only root can enter the folder of the socket.
        seen_as=user.pw_name,
    )


def capable(user: pwd.struct_passwd) -> Account:
    """Return a user's account that may enter every folder: for containers that forbid namespaces.

    Home and socket folder stay root's, so that no other process of that user reaches the server. initdb asks access(2)
    about its own programs, whose answer ignores a capability unless no_setuid_fixup is set: capabilities(7).
    """
    held = ("--inh-caps", "--ambient-caps", "--bounding-set")
    return Account(
        prefix=(
            *("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"),
            "--securebits=+no_setuid_fixup",
            *(f"{kind}=-all,+dac_override" for kind in held),
            "--",
        ),
    )


def can_enter(account: Account, *paths: Path) -> bool:
    """Return whether an account may run these programs and search these folders, by trying."""
    try:
        return run(account, "/bin/sh", "-c", 'for p; do test -x "$p" || exit 1; done', "sh", *paths).returncode == 0
    except OSError:  # unshare or setpriv is missing, or root may not become another user here
        return False


def own_folder(folder: Path, account: Account) -> None:
    """Create a private folder of the account; raise ServerError if it belongs to another user."""
    owner = os.geteuid() if account.uid is None else account.uid
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    # Not following links: in /tmp, another user could have put a link in place of the folder.
    found = folder.stat(follow_symlinks=False)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner, os.geteuid()):
        raise ServerError(
            f"{folder}: found an entry of user {user_name(found.st_uid)}, expected a folder of user {user_name(owner)}",
            hint="delete it after checking its contents",
        )
    if found.st_uid != owner and account.gid is not None:  # just created, or left by a start that was killed here
        os.chown(folder, owner, account.gid)


def run(account: Account, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, without this process's terminal, working folder or environment.

    The server lives on and shows its environment to others of its user: no password of ours may be in it, and no PG*
    variable. UTC, or initdb would write this machine's time zone into the cluster.
    """
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return subprocess.run(
        [*account.prefix, *map(str, command)],
        user=account.uid,
        group=account.gid,
        extra_groups=None if account.uid is None else [],
        env=kept | {"LC_ALL": "C", "TZ": "UTC"},
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        start_new_session=True,
    )


def find_user(uid: int) -> pwd.struct_passwd | None:
    """Return an ordinary user from the password file, which initdb demands; None for root and unknown users."""
    try:
        return pwd.getpwuid(uid) if uid else None
    except KeyError:
        return None


def user_name(uid: int) -> str:
    """Return the name of a user for messages, or the number if there is no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """Return the reason why a program failed, in its own words if it left any."""
    return tail(done.stderr) or f"ended with status {done.returncode}"


def tail(text: str) -> str:
    """Return the last lines of a program's output: enough to see the reason, few enough to read."""
    return "\n".join(text.strip().splitlines()[-20:])


@contextlib.contextmanager
def system_errors() -> Iterator[None]:
    """Turn an error of the system into a ServerError that names the file."""
    try:
        yield
    except OSError as error:
        raise ServerError(f"{error.filename or 'embedded PostgreSQL'}: {error.strerror}") from error
