"""Databases that are kept on a scratch server of our own: the state after the first files of a set, to be cloned.

One file more then costs that file, not all of them. A kept database is found by the chain of the files that ran in it.
It counts only with its mark, a comment that is written last. The mark names what the state depends on besides the
files: the roles and settings of the whole server at that moment, and the boot of the machine, since such a server does
not wait for its disk. A database that somebody has opened since has another row in pg_database, and does not count.
"""

import hashlib
import json
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psycopg
from psycopg import sql

from tenantry.model import Migration
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection

# To be raised with every change to how files are replayed or measured: what was kept before is not found then.
_FORMAT = 2
_PREFIX = "tenantry_kept_"
_BOOT = Path("/proc/sys/kernel/random/boot_id")
# Arbitrary: the newest state of a few sets and branches, without filling a disk.
MOST_DATABASES = 8
MOST_BYTES = 1_000_000_000


# The names under which the states after each of a set's files are kept: number n is for the first n files.
Chain = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Start:
    """The kept states that would do to begin with: those after at most `most` files of one of the chains."""

    chains: tuple[Chain, ...] = ()
    most: int = 0

    def find(self, kept: Sequence["Kept"]) -> tuple["Kept", int] | None:
        """Return the kept state after the most files, and how many these are; None if there is none."""
        by_key = {each.mark.key: each for each in kept}
        found = [
            (by_key[key], done)
            for chain in self.chains
            for done, key in enumerate(chain[: self.most + 1])
            if key in by_key and done
        ]
        return max(found, key=lambda pair: pair[1], default=None)


NOTHING = Start()


def make_chain(migrations: Sequence[Migration], *about: str) -> Chain:
    """Return the chain of files for kept databases; `about` names all else that the state depends on."""
    return tuple(hash_chain(((one.version, one.name, one.checksum) for one in migrations), str(_FORMAT), *about))


def hash_chain(files: Iterable[tuple[int, str, str]], *about: str) -> Iterator[str]:
    """Yield a digest of no file, and one for the files up to each: of version, name and checksum, and `about`."""
    chain = hashlib.sha256("".join(f"{word}\n" for word in about).encode())
    yield chain.hexdigest()
    for version, name, checksum in files:
        chain.update(f"{version} {name} {checksum}\n".encode())
        yield chain.hexdigest()


@dataclass(frozen=True, slots=True)
class Mark:
    """What a kept database says of itself. `wide` is the state of the server, `row` that of its row, `used` a time."""

    key: str
    wide: str
    row: str
    boot: str
    used: float


@dataclass(frozen=True, slots=True)
class Kept:
    """A kept database whose mark counts, with its size in bytes."""

    database: str
    mark: Mark
    bytes: int


def list_kept(keeper: Connection) -> tuple[Kept, ...]:
    """Return the kept databases that may be cloned, and drop those that may not: half made, altered, or outdated."""
    rows, wide = keeper.execute(read_sql("scratch", "kept")).fetchall(), read_wide(keeper)
    found = {name: _read_mark(comment, row, wide) for name, row, comment, _ in rows}
    for name, mark in found.items():
        if mark is None:
            drop(keeper, name)
    return tuple(Kept(name, mark, size) for name, _, _, size in rows if (mark := found[name]))


def keep(keeper: Connection, database: str, key: str) -> None:
    """Keep a database that nobody uses any more under a key. Raises psycopg.Error."""
    name = f"{_PREFIX}{secrets.token_hex(8)}"
    before, after = sql.Identifier(database), sql.Identifier(name)
    keeper.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(before, after))
    # Whoever connects to it has to change this first, and is found out by the database's row.
    keeper.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(after))
    row, wide = _read_row(keeper, name), read_wide(keeper)
    _write_mark(keeper, name, Mark(key, wide, row, _read_boot(), time.time()))
    _prune(keeper, spared=name)


def clone(keeper: Connection, kept: Kept, database: str) -> bool:
    """Create a database as a copy of a kept one; return False if that fails, and keep it no longer."""
    name, template = sql.Identifier(database), sql.Identifier(kept.database)
    try:
        keeper.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, template))
        # The least recently used is dropped first.
        _write_mark(keeper, kept.database, replace(kept.mark, used=time.time()))
    except psycopg.errors.QueryCanceled:
        raise
    except psycopg.Error:
        drop(keeper, kept.database)
        return False
    return True


def can_keep(connection: Connection) -> bool:
    """Return whether a clone of the database that this connection is to would be the same as it."""
    return connection.execute(read_sql("scratch", "portable")).fetchone() == (True,)


def read_wide(keeper: Connection) -> str:
    """Return a digest of what files may leave outside of their database: roles, their rights and settings."""
    ((digest,),) = keeper.execute(read_sql("scratch", "wide")).fetchall()
    return str(digest)


def drop(keeper: Connection, database: str) -> None:
    """Drop a database, whoever is connected to it."""
    keeper.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


def _prune(keeper: Connection, spared: str) -> None:
    """Drop the least recently used kept databases beyond what may be kept."""
    room, count = MOST_BYTES, MOST_DATABASES
    for kept in sorted(list_kept(keeper), key=lambda each: (each.database != spared, -each.mark.used)):
        room, count = room - kept.bytes, count - 1
        if kept.database != spared and (room < 0 or count < 0):
            drop(keeper, kept.database)


def _read_mark(comment: str | None, row: str, wide: str) -> Mark | None:
    """Return the mark of a database if it counts: for its row, the server as it is, and this boot of the machine."""
    with suppress(ValueError, TypeError, RecursionError):
        mark = Mark(**json.loads(comment or ""))
        return mark if (mark.row, mark.wide, mark.boot) == (row, wide, _read_boot()) else None
    return None


def _write_mark(keeper: Connection, database: str, mark: Mark) -> None:
    comment = sql.SQL("COMMENT ON DATABASE {} IS {}")
    keeper.execute(comment.format(sql.Identifier(database), sql.Literal(json.dumps(asdict(mark)))))


def _read_row(keeper: Connection, database: str) -> str:
    rows = keeper.execute(read_sql("scratch", "kept")).fetchall()
    return next(str(row) for name, row, _, _ in rows if name == database)


def _read_boot() -> str:
    """Return what is another one after each boot of the machine; empty where the system does not tell."""
    try:
        return _BOOT.read_text("ascii").strip()
    except OSError:
        return ""
