"""What an application asks as it starts: whether its database has every migration that it was built with."""

import os
from pathlib import Path

import psycopg
from psycopg import errors as pg
from psycopg import sql

from tenantry.files.directory import read_migrations
from tenantry.ledger.definitions import LAYOUT
from tenantry.ledger.guard import Guard, compose_glanced, is_plain
from tenantry.ledger.rows import COLUMNS, decode, find_layout
from tenantry.model import AppliedMigration, Migration, MigrationStatus, State, label
from tenantry.model.errors import ConfigError, NotMigrated, Problem, Refused, Unreachable
from tenantry.model.records import LEDGER_TABLE
from tenantry.model.words import count
from tenantry.planning.compare import compare
from tenantry.postgres.copying import Bound, TooMuch, copy_rows

__all__ = ["assert_migrated"]

_MOST = Bound(rows=100_000, size=64 * 1024**2)
_MIGRATE = "migrate this database before the application starts; tenantry plan shows the files that it would get"
# Arbitrary: the first ones tell enough.
_SHOWN = 3
_WORDS = {State.PENDING: "pending", State.OUT_OF_ORDER: "pending", State.INCOMPLETE: "unfinished"}
# What a database may not have of the files; a row without a file is of a newer application, which is no fault.
_LACKING = (State.PENDING, State.OUT_OF_ORDER, State.INCOMPLETE, State.CHANGED)


def assert_migrated(
    conninfo: str,
    migrations: str | os.PathLike[str] = "migrations",
    *,
    to: int | None = None,
    schema: str = "public",
    timeout: float = 10,
) -> None:
    """Raise unless a database has every migration of a folder, with the text of its file: one connection, one query.

    `conninfo` is a libpq connection string or URL. `to` leaves out the newer files. `schema` is the one of the ledger,
    and `timeout` are the seconds to wait for a connection. The role needs SELECT on the ledger's table, and nothing
    else. Rows without a file are those of a newer application, and do not count; nor do repeatables, whose record is
    another table.

    Raises NotMigrated with the files that are missing; Refused if the ledger is not one that tenantry made or may not
    be read; Unreachable; MigrationFileError; ConfigError for a version that no file has.
    """
    files = _read_files(Path(migrations), to)
    statuses = compare(files, _read_rows(conninfo, schema, timeout))
    lacking = [status for status in statuses if status.file and status.state in _LACKING]
    if lacking:
        shown = ", ".join(map(_describe, lacking[:_SHOWN]))
        more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
        raise NotMigrated(
            f"the database lacks {count(len(lacking), 'migration')}: {shown}{more}, "
            f"expected {count(len(files), 'applied migration')}",
            hint=_MIGRATE,
        )


def _read_files(folder: Path, to: int | None) -> tuple[Migration, ...]:
    files = read_migrations(folder, str(folder)).migrations
    if to is None:
        return files
    if all(file.version != to for file in files):
        raise ConfigError((Problem(f"to: there is no migration {to} in {folder}"),))
    return tuple(file for file in files if file.version <= to)


def _describe(status: MigrationStatus) -> str:
    assert status.file, "only files can be lacking"
    name = label(status.version, status.file.name)
    return f"{name} ({_WORDS.get(status.state, 'applied with another text')})"


def _read_rows(conninfo: str, schema: str, timeout: float) -> tuple[AppliedMigration, ...]:
    """Return the rows of the ledger; none if there is no ledger yet."""
    shown = f"{schema}.{LEDGER_TABLE}"
    # libpq takes whole seconds, and fewer than two for two.
    wait = max(2, round(timeout))
    user = ""
    try:
        with psycopg.connect(conninfo, autocommit=True, prepare_threshold=None, connect_timeout=wait) as connection:
            user = connection.info.user
            copied = copy_rows(connection, compose_glanced(schema, LEDGER_TABLE, COLUMNS), _MOST)
    except (pg.UndefinedTable, pg.InvalidSchemaName):
        return ()
    except pg.InsufficientPrivilege as error:
        grant = sql.SQL("GRANT SELECT ON {} TO {}").format(sql.Identifier(schema, LEDGER_TABLE), sql.Identifier(user))
        raise Refused(f"{shown}: {error.diag.message_primary}", hint=grant.as_string()) from None
    except (pg.WrongObjectType, pg.UndefinedColumn, pg.InvalidColumnReference, TooMuch):
        raise _distrust(shown) from None
    except psycopg.OperationalError as error:
        raise Unreachable(str(error).strip().splitlines()[0], hint="check the connection string") from None
    # Whoever owns the table: the application reads it, and runs nothing of it.
    *_, owner, _current, _alone = copied.answer or (b"", b"", b"")
    if not is_plain(Guard((owner or b"").decode()), LEDGER_TABLE, copied.answer) or find_layout(copied.rows) > LAYOUT:
        raise _distrust(shown)
    return tuple(decode(copied.rows, shown))


def _distrust(shown: str) -> Refused:
    return Refused(
        f"{shown}: not a table as tenantry creates it, expected the ledger of this version of tenantry",
        hint='run "tenantry status" to see how it differs',
    )
