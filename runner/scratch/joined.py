"""Plain files replayed many in one message, each in its own transaction: round trips took most of the time.

It is only ever a short cut. The first file that does not get through, for whatever reason, is applied by itself, as all
others are that are not plain: what is said of it, and what helps it, is in one place.
"""

import secrets
from collections.abc import Collection, Iterator, Sequence

from tenantry import sqltext
from tenantry.model import NO_VERSION, Migration
from tenantry.model.records import LEDGER_TABLE
from tenantry.postgres.send import Sent, send
from tenantry.postgres.sessions import Connection
from tenantry.postgres.transaction import clean, compose_end, compose_savepoint

# Arbitrary: a signal ends the replay between two messages.
_MOST = 50
# Random, so that no file can answer it.
_DONE = f"tenantry {secrets.token_hex(8)}"


def divide(migrations: Sequence[Migration], ends: Collection[int]) -> Iterator[tuple[bool, tuple[Migration, ...]]]:
    """Yield the files in parts, in order, each with whether it can be joined; no such part goes beyond one of `ends`.

    These are numbers of files.
    """
    singly: list[Migration] = []
    for plain, part in _cut(migrations, frozenset(ends)):
        if not plain or len(part) == 1:
            singly += part
            continue
        if singly:
            yield False, tuple(singly)
            singly = []
        yield True, tuple(part)
    if singly:
        yield False, tuple(singly)


def _cut(migrations: Sequence[Migration], ends: frozenset[int]) -> Iterator[tuple[bool, list[Migration]]]:
    """Yield neighbours that are all plain or all not, cut off at `ends` and at the most that one message takes."""
    part: list[Migration] = []
    plain = False
    for number, migration in enumerate(migrations):
        before, plain = plain, _is_plain(migration)
        if part and (plain != before or number in ends or len(part) == _MOST):
            yield before, part
            part = []
        part.append(migration)
    if part:
        yield plain, part


def _is_plain(migration: Migration) -> bool:
    """Return whether nothing but its statements is to be run, and these end where the file does."""
    given = migration.directives
    if migration.version == NO_VERSION or not migration.transactional or given.require or given.ensure or given.batch:
        return False
    if LEDGER_TABLE in migration.sql:
        return False
    try:
        sqltext.split(migration.sql)
    except sqltext.SqlError:
        return False
    return True


def run_joined(connection: Connection, migrations: Sequence[Migration]) -> int:
    """Run files in one message and return how many of them were committed: fewer than all if one failed."""
    sent = send(connection, "\n".join(_compose(migrations)))
    if sent.error and not connection.closed:
        connection.rollback()
        clean(connection)
    return sum(_list_done(sent))


def _compose(migrations: Sequence[Migration]) -> Iterator[str]:
    end = compose_end().as_string()
    for migration in migrations:
        yield f"BEGIN ISOLATION LEVEL READ COMMITTED;\n{compose_savepoint().as_string()};"
        # On lines of its own, since a comment may end it.
        yield f"{migration.sql}\n;\n{end};\nCOMMIT;\nSELECT '{_DONE}';"


def _list_done(sent: Sent) -> Iterator[bool]:
    for answer in sent.answers:
        yield answer.ntuples == 1 and answer.nfields == 1 and answer.get_value(0, 0) == _DONE.encode()
