"""The folder that holds the embedded server and the caches of this machine: not for git.

What is kept there is believed only if this user wrote it. The folder of a project may be copied, restored by a CI or
written to by others, so each file carries a seal of its name and text, made with a key that is kept elsewhere.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path

STATE_FOLDER = ".tenantry"
_IGNORE = "# Created by tenantry: databases and caches of this machine.\n*\n"
_PROGRAM = "tenantry"
_KEY_FILE = "cache.key"
_KEY_BYTES = 32
# Raised when the form of kept files changes: those of another form are not read.
_FORM = 1
# Arbitrary, and far above a schema of ten thousand tables: more is not read into memory.
_LARGEST_BYTES = 256 * 1024**2
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def find_state_folder(root: Path, environment: Mapping[str, str]) -> Path | None:
    """Return where the state of the project in `root` is kept; None for the usual folder in it.

    TENANTRY_STATE names it. Where the project cannot be written to, as in many containers, it is in the user's own
    folder for such data.
    """
    if named := environment.get("TENANTRY_STATE"):
        return Path(named)
    own = root / STATE_FOLDER
    # A server that is there already has the databases: another one would be empty.
    if (own / "postgres").exists() or _may_write(own if own.exists() else root):
        return None
    try:
        resolved = root.resolve()
        digest = hashlib.sha256(os.fsencode(resolved)).hexdigest()[:12]
        return _find_user_folder() / "projects" / f"{resolved.name}-{digest}"
    except OSError:
        return None


def find_cache_folder(state: Path, environment: Mapping[str, str]) -> Path:
    """Return where whatever can be computed again is kept, and the texts that ran, each kind in a folder of its own.

    TENANTRY_CACHE names it, for a CI whose checkout is new each time; without, it is the state folder.
    """
    named = environment.get("TENANTRY_CACHE")
    return Path(named) if named else state


def _may_write(folder: Path) -> bool:
    effective = os.access in os.supports_effective_ids
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=effective)


def _find_user_folder() -> Path:
    """Return the folder for the state of this user's programs. Raises OSError for a user without a home."""
    import platformdirs

    folder = platformdirs.user_state_path(_PROGRAM, appauthor=False)
    if not folder.is_absolute():
        raise FileNotFoundError(f"{folder}: no home")
    return folder


class Cache:
    """Files whose contents can be computed again, kept to spare later runs that; deleting them does no harm.

    A text that cannot be written is remembered until the run ends: its tenants are spared the work as well. With
    `sealed`, a text is believed only if it was kept with the same key under the same name; without, the caller checks.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, *, sealed: bool = True) -> None:
        # Several threads write to these, and every change is one step under the interpreter's lock.
        self._remembered: dict[Path, str] = {}
        self._failures: dict[Path, tuple[Path, str]] = {}
        self._unreported: deque[tuple[Path, str]] = deque()
        self._environment = os.environ if environment is None else environment
        self._sealed = sealed
        self._key = b""

    def read(self, path: Path) -> str | None:
        """Return the text that was kept under a path; None if there is none that can be read and believed."""
        # A text that could not be written is newer than what lies there, which may be damaged or forged.
        if path in self._remembered:
            return self._remembered[path]
        try:
            if fault := _find_fault(path.parent):
                self._report(path.parent, fault)
                return None
            text = _read_private(path)
        except PermissionError as error:
            self._report(path.parent, _describe(error))
            return None
        except (OSError, UnicodeDecodeError):
            return None
        return self._unseal(path, text) if self._sealed else text

    def keep(self, path: Path, text: str) -> None:
        """Keep a text under a path, in a folder that is created for it; never raises OSError."""
        try:
            make_state_folder(path.parent, private=True)
            # What others may write to is never read.
            if fault := _find_fault(path.parent):
                raise PermissionError(0, fault)
            replace_file(path, self._seal(path, text) + text if self._sealed else text)
        except OSError as error:
            self.remember(path, text)
            self._report(path.parent, _describe(error))

    def remember(self, path: Path, text: str) -> None:
        """Keep a text until the run ends, and no longer: for what may be otherwise the next time."""
        self._remembered[path] = text

    def take_failures(self) -> Iterator[tuple[Path, str]]:
        """Yield each folder in which nothing can be kept, with the reason, and none of them again."""
        while self._unreported:
            yield self._unreported.popleft()

    def _report(self, folder: Path, reason: str) -> None:
        failure = (folder, reason)
        if self._failures.setdefault(folder, failure) is failure:
            self._unreported.append(failure)

    def _unseal(self, path: Path, kept: str) -> str | None:
        seal, _, text = kept.partition("\n")
        return text if hmac.compare_digest(f"{seal}\n".encode(), self._seal(path, text).encode()) else None

    def _seal(self, path: Path, text: str) -> str:
        """Return the first line of a kept file. Its name says what it was made from, so it is sealed as well."""
        # Two threads at worst find the key at once, and find the same one, or each a key of its own that nobody keeps.
        self._key = self._key or _find_key(self._environment)
        digest = hmac.digest(self._key, f"{_FORM} {path.name}\n{text}".encode("utf-8", "surrogatepass"), "sha256")
        return f"{_PROGRAM} {_FORM} {digest.hex()}\n"


def _describe(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _find_key(environment: Mapping[str, str]) -> bytes:
    """Return the key of the seals: of TENANTRY_CACHE_KEY, else this user's own, which is created if there is none.

    Where that cannot be kept, the key is of this process alone, and what it seals is computed again by the next one.
    """
    if given := environment.get("TENANTRY_CACHE_KEY"):
        return hashlib.sha256(given.encode("utf-8", "surrogateescape")).digest()
    try:
        path = _find_user_folder() / _KEY_FILE
        if found := _read_key(path):
            return found
        make_state_folder(path.parent, private=True)
        # Of all processes that come here at once, the last one wins: the others' seals do no harm.
        replace_file(path, secrets.token_hex(_KEY_BYTES))
        return _read_key(path) or secrets.token_bytes(_KEY_BYTES)
    except OSError:
        return secrets.token_bytes(_KEY_BYTES)


def _read_key(path: Path) -> bytes | None:
    try:
        found = bytes.fromhex("" if _find_fault(path.parent) else _read_private(path))
    except (OSError, ValueError):
        return None
    return found if len(found) == _KEY_BYTES else None


def _find_fault(folder: Path) -> str:
    """Return why files in a folder are not to be believed; empty if they are. Raises OSError."""
    found = folder.stat()
    if found.st_mode & _OTHERS_WRITE:
        return "others may write to it"
    return "" if found.st_uid in _trusted(folder) else "it belongs to another user"


def _trusted(folder: Path) -> set[int]:
    """Return the users whose files count: this one, and for root the one that it gives its files to."""
    me = os.geteuid()
    return {me} if me else {me, folder.resolve().parent.stat().st_uid}


def _read_private(path: Path) -> str:
    """Return the text of a file. Raises PermissionError if others may have written it, OSError if it is not a file."""
    # Not through a link, and without waiting for the other end of a pipe.
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(file, "rb") as opened:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST_BYTES:
            raise FileNotFoundError(path)
        if found.st_mode & _OTHERS_WRITE or found.st_uid not in _trusted(path.parent):
            raise PermissionError(0, f"others may have written {path.name}")
        return opened.read().decode()


def create_private(path: Path) -> int:
    """Create a file to append to, for this user alone, and return its descriptor. Raises OSError."""
    make_state_folder(path.parent, private=True)
    # What others may write to is never read.
    if fault := _find_fault(path.parent):
        raise PermissionError(0, fault)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    _give_away(path)
    return file


def read_private(path: Path) -> str:
    """Return the text of a file. Raises PermissionError if others may have written it, and OSError."""
    if fault := _find_fault(path.parent):
        raise PermissionError(0, f"{path.parent}: {fault}")
    return _read_private(path)


def replace_file(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write a file, by default for this user alone, so that nobody ever reads half of it. Raises OSError."""
    # Under a name of its own, since another process may be writing the same file; renaming is one step.
    half = path.with_suffix(f".{os.getpid()}-{secrets.token_hex(4)}")
    try:
        file = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as opened:
            os.fchmod(file, mode)
            opened.write(text)
        _give_away(half)
        if path.is_dir():
            # Something else is in the way of what can be computed again: left as it is, it would be for ever.
            path.rmdir()
        half.replace(path)
    except OSError:
        # On a full disk, what was written of it would be in everybody's way.
        with contextlib.suppress(OSError):
            half.unlink()
        raise


def make_state_folder(folder: Path, *, private: bool = False) -> None:
    """Create a folder with its parents, and hide the state folder that it is in, if it is in one, from git.

    A hook that adds files would commit databases otherwise. What root creates belongs to the owner of the folder
    around it. Nobody else may write to what is created, nor read it if it is `private`. Raises OSError.
    """
    for path in (*reversed(folder.parents), folder):
        if path.is_dir():
            continue
        # Whatever the umask says. Another thread or process may be here at the same time.
        path.mkdir(mode=0o700 if private and path == folder else 0o755, exist_ok=True)
        _give_away(path)
        if path.name == STATE_FOLDER:
            ignore = path / ".gitignore"
            ignore.write_text(_IGNORE, "utf-8")
            _give_away(ignore)


def _give_away(path: Path) -> None:
    """Give what root creates to the owner of the folder around it, who could not write there otherwise."""
    if os.geteuid() == 0:
        around = path.parent.stat()
        os.chown(path, around.st_uid, around.st_gid)
