"""A statement that must stand alone: what is made sure of before it, and what it leaves where it fails.

Its rule: no index that cannot be used stays where the statement is over, whatever the server said of it.
"""

from dataclasses import dataclass

from psycopg import sql

from tenantry.apply.stepwise import invalid_indexes, took_effect
from tenantry.model.errors import Problem
from tenantry.postgres.sessions import Connection
from tenantry.sqltext.standalone import Act, Detach, IndexBuild, Name, Reindex


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is to be sent: the statement, or what ends an earlier try of it. `before` is what its table has.

    `note` is what is worth saying of it, or empty.
    """

    text: str
    before: tuple[int, ...] = ()
    note: str = ""


def prepare(act: Act | None, text: str, worker: Connection, keeper: Connection) -> Prepared | Problem:
    """Clear the way for a statement: drop what an earlier try has left. Return a problem where it must not be sent.

    Names are looked up on `worker`, which runs the file, and dropped by `keeper`, whose settings no file changes.
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
    """Drop what a statement that failed has left. Raises psycopg.Error."""
    found = invalid_indexes.find_leftovers(act, worker, before)
    invalid_indexes.drop(keeper, [leftover for leftover in found if not leftover.busy])


def check(act: Act | None, worker: Connection, before: tuple[int, ...]) -> Problem | None:
    """Return what is wrong although the server reported success; None where all is well."""
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
        return Prepared(text)  # the server says it better
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
    """Drop what stands in the way; return a problem where another session may be building it at the moment."""
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
