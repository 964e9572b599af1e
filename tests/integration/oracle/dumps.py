"""A schema as pg_dump tells it, without the few things that it alone tells."""

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

# Lines that are no part of a schema.
_NOISE = re.compile(r"^(--|\\|SET |SELECT pg_catalog\.set_config)")
_OPTIONS = re.compile(r"(?<=WITH \()[^()]*(?=\))|(?<=WHEN TAG IN \()[^()]*(?=\))")
_CHILD = re.compile(r"^CREATE (?:UNLOGGED |FOREIGN )?TABLE (\S+) \(\n(?:[^;]*?\n)?\)\nINHERITS \(", re.MULTILINE)
# What pg_dump alone tells, each with the reason why a snapshot does not:
_ALONE = (
    # The order of columns, of options and of tags, since the lines and these lists are sorted.
    (re.compile(r"[,;]+$"), ""),
    # The name of an identity's sequence: no statement of an application names it.
    (re.compile(r"^SEQUENCE NAME .*$"), ""),
    # The names of NOT NULL constraints, which only servers from 18 on have, and so their comments.
    (re.compile(r"CONSTRAINT \S+ (?=NOT NULL)"), ""),
    (re.compile(r"^COMMENT ON CONSTRAINT \S+_not_null ON .*$"), ""),
    # Privileges on system columns: the docs name them among what is not read.
    (re.compile(r"^GRANT .*\((?:tableoid|ctid|xmin|xmax|cmin|cmax)\).*$"), ""),
    # A comment on public that is there or not there by the server's version.
    (re.compile(r"^COMMENT ON SCHEMA public IS ''$"), ""),
)


def read_dump(programs: Path, dsn: str) -> list[str] | None:
    """Return the sorted lines of `pg_dump -s`; None if it crashes, as some do on a few of their own schemas."""
    # The arguments are the test's own.
    done = subprocess.run([str(programs / "pg_dump"), "-s", "-d", dsn], capture_output=True, text=True, check=False)
    if done.returncode not in (0, -signal.SIGSEGV, -signal.SIGABRT):
        raise AssertionError(done.stderr)
    return reduce(done.stdout) if done.returncode == 0 else None


def reduce(text: str) -> list[str]:
    """Return the sorted lines of a dump, without noise and without what it alone tells."""
    lines = (line.strip() for line in _drop_own_columns(text).splitlines() if not _NOISE.match(line))
    return sorted(line for line in map(_reduce, lines) if line)


def _drop_own_columns(text: str) -> str:
    """Return a dump without the columns and checks of children: which of them are also their own is not compared."""
    for table in _CHILD.findall(text):
        own = rf"^ALTER TABLE ONLY {re.escape(table)} ALTER COLUMN .* SET (?:DEFAULT|NOT NULL).*\n"
        text = re.sub(own, "", text, flags=re.MULTILINE)
    return _CHILD.sub(r"CREATE TABLE \1 INHERITS (", text)


def _reduce(line: str) -> str:
    for pattern, instead in _ALONE:
        line = pattern.sub(instead, line)
    return _OPTIONS.sub(lambda match: ", ".join(_sort_list(match[0])), line)


def _sort_list(text: str) -> Iterator[str]:
    yield from sorted(text.split(", "))
