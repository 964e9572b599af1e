"""A statement that must stand alone: the preparations for it, and the remains of one that failed.

The rule: no invalid index stays after the statement, whatever the server reported about it.
"""

from dataclasses import dataclass

from psycopg import sql

from tenantry.apply.stepwise import invalid_indexes, took_effect
from tenantry.model.errors import Problem
from tenantry.postgres.sessions import Connection
from tenantry.sqltext.standalone import Act, Detach, IndexBuild, Name, Reindex


@dataclass(frozen=True, slots=True)
class Prepared:
    """The SQL to send: the statement, or one that completes an earlier attempt. `before` are its table's indexes.

    `note` is for the user, or empty.
    """

    text: str
    before: tuple[int, ...] = ()
    note: str = ""


def prepare(act: Act | None, text: str, worker: Connection, keeper: Connection) -> Prepared | Problem:
    """Clear the way for a statement: drop the remains of an earlier attempt. Return a problem if it must not be sent.

    Names are resolved on `worker`, which runs the file; `keeper` drops, since no file changes its settings.
    """
    match act:
        case IndexBuild():
            return _prepare_build(act, text, worker, keeper)
        case Reindex():
            return _drop_leftovers(act, worker, keeper) or Prepared(text)
        case Detach(parent, partition) if took_effect.read_attached(act, worker):
            finish = sql.SQL("ALTER TABLE {} DETACH PARTITION {} FINALIZE")
            return Prepared(finish.format(sql.Identifier(*parent), sql.Identifier(*partition)).as_string(worker))
        case _:
            return Prepared(text)


def clear(act: Act | None, worker: Connection, keeper: Connection, before: tuple[int, ...]) -> None:
    """Drop the remains of a statement that failed. Raises psycopg.Error."""
    found = invalid_indexes.find_leftovers(act, worker, before)
    invalid_indexes.drop(keeper, [leftover for leftover in found if not leftover.busy])


def check(act: Act | None, worker: Connection, before: tuple[int, ...]) -> Problem | None:
    """Return the problem that remains although the server reported success; None if there is none."""
    found = invalid_indexes.find_leftovers(act, worker, before)
    if not found:
        return None
    return Problem(
        f"index {found[0].name!r} is not valid, although the server reported success",
        "look for the cause in the server's log",
    )


def _prepare_build(act: IndexBuild, text: str, worker: Connection, keeper: Connection) -> Prepared | Problem:
    table = invalid_indexes.resolve(worker, act.table)
    if table is None:
        return Prepared(text)  # the server words this error better
    if not act.index:
        return Prepared(text, before=took_effect.read_indexes(table, worker))
    found = took_effect.find_named(act, table, worker)
    if found and not found.on_table:
        return _describe_taken(act, found.table)
    if found and not found.usable:
        return _drop_leftovers(act, worker, keeper) or Prepared(text)
    if found and act.skips and took_effect.matches(text, table, found.oid, worker) is False:
        return Prepared(text, note=f"index {act.index!r} already exists with another definition, and stays as it is")
    return Prepared(text)


def _drop_leftovers(act: Act, worker: Connection, keeper: Connection) -> Problem | None:
    """Drop the indexes in the way; return a problem if another session may be building one of them."""
    found = invalid_indexes.find_leftovers(act, worker)
    busy = next((leftover for leftover in found if leftover.busy), None)
    if busy:
        return Problem(
            f"index {busy.name!r} is not valid, and another session is building an index on its table",
            "wait until pg_stat_progress_create_index no longer shows it, then run the same command again",
        )
    invalid_indexes.drop(keeper, found)
    return None


def _describe_taken(act: IndexBuild, table: str | None) -> Problem:
    owner = f"an index on {table}" if table else "not an index"
    return Problem(
        f"{act.index!r} is {owner}, expected an index on {_write(act.table)} or an unused name",
        "give the index another name, or drop the object that has this one",
    )


def _write(name: Name) -> str:
    return ".".join(name)
