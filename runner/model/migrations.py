"""Migrations: files with their text, their checksum and what their header asks for."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Allowance:
    """A rule of lint that a file may break, and why; `line` counts from 1."""

    rule: str
    reason: str
    line: int


@dataclass(frozen=True, slots=True)
class Assertion:
    """A query that must return true in the first column of its one row; `line` is that of its first line in the file.

    A second column, if there is one, says in words what was found.
    """

    query: str
    line: int


@dataclass(frozen=True, slots=True)
class Batch:
    """How a large change is cut: so many rows in a transaction of their own, and a pause after each."""

    rows: int
    pause_ms: int = 0


@dataclass(frozen=True, slots=True)
class Directives:
    """What the header of a file asks of its runner. Times in milliseconds; None: as the run has it.

    `replaces` are checksums of this file's earlier texts that count as this one.
    """

    lock_timeout_ms: int | None = None
    statement_timeout_ms: int | None = None
    allowed: tuple[Allowance, ...] = ()
    replaces: tuple[str, ...] = ()
    require: tuple[Assertion, ...] = ()
    ensure: tuple[Assertion, ...] = ()
    batch: Batch | None = None


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration file.

    `text` is the file without byte-order mark, its line ends as `\\n`: positions that PostgreSQL reports count
    characters of it. `sql` is what is sent: `text`, with a BEGIN ... COMMIT around the whole file blanked.
    `path` is for messages. `depends` are versions. `rollback` is the text of the `.rollback.sql` sibling, if any.
    """

    version: int
    name: str
    path: str = field(compare=False)
    checksum: str
    text: str = field(repr=False, compare=False)
    sql: str = field(repr=False, compare=False)
    transactional: bool = True
    depends: tuple[int, ...] = ()
    rollback: str | None = field(default=None, repr=False, compare=False)
    directives: Directives = field(default=Directives(), repr=False, compare=False)


# Stands for the version of a repeatable, which has none.
NO_VERSION = -1


def label(version: int, name: str) -> str:
    """Return how a migration is named in messages: its version with at least four digits, and its name."""
    return f"repeatable/{name}" if version == NO_VERSION else f"{version:04d}_{name}"
