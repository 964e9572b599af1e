"""Migrations: files with their text, their checksum and the directives of their header."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Allowance:
    """A lint rule that a file may break, and the reason; `line` counts from 1."""

    rule: str
    reason: str
    line: int


@dataclass(frozen=True, slots=True)
class Assertion:
    """A query that must return true in the first column of its single row; `line` is its first line in the file.

    A second column, if there is one, describes the result in words.
    """

    query: str
    line: int


@dataclass(frozen=True, slots=True)
class Batch:
    """The batches of a large change: the number of rows in each transaction, and the pause after it."""

    rows: int
    pause_ms: int = 0


@dataclass(frozen=True, slots=True)
class Directives:
    """The directives in the header of a file. Times are in milliseconds; None keeps the setting of the run.

    `replaces` are the checksums of earlier texts of this file that count as the current one.
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

    `text` is the file without a byte-order mark, with `\\n` as line ends: the positions that PostgreSQL reports count
    its characters. `sql` is sent to the server: `text`, with a BEGIN ... COMMIT around the whole file blanked.
    `path` is for messages. `depends` are versions. `rollback` is the text of the `.rollback.sql` file next to it, if
    there is one.
    """

    version: int
    name: str
    # The checksum stands for the texts: plans, which are compared and hashed for each tenant, hold every pending file.
    path: str = field(compare=False)
    checksum: str
    text: str = field(repr=False, compare=False)
    sql: str = field(repr=False, compare=False)
    transactional: bool = True
    depends: tuple[int, ...] = ()
    rollback: str | None = field(default=None, repr=False, compare=False)
    directives: Directives = field(default=Directives(), repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class FileMark:
    """A migration file of a run. `version` is that of `Migration`."""

    set_name: str
    version: int
    name: str
    checksum: str

    @property
    def label(self) -> str:
        """Return the name of the file in messages."""
        return label(self.version, self.name)


# The version of a repeatable, which has none: below every real version.
NO_VERSION = -1


def label(version: int, name: str) -> str:
    """Return the name of a migration in messages: its version with at least four digits, and its name."""
    return f"repeatable/{name}" if version == NO_VERSION else f"{version:04d}_{name}"
