"""What is in the ledger's place is exchanged while tenantry looks at it: what was checked is what is read."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest

from tenantry.postgres.runner_lock import LOCK_KEY
from tests.acceptance.hostile.attack import Attack, By
from tests.acceptance.hostile.attacks_place import SPYING
from tests.acceptance.hostile.fix_hostile import MakeVictim, Victim
from tests.acceptance.hostile.judge import judge

_PATIENCE_S = 20.0
_TURNS = 12
_VIEW = f"CREATE VIEW {{}}._migrations AS SELECT {SPYING} FROM evil.migrations"
_WAITING = (
    "SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE datname = pg_catalog.current_database() AND"
    " wait_event_type = 'Lock'"
)


def _await(condition: Callable[[], bool], ended: threading.Event) -> None:
    """Wait until a condition holds, or there is nothing left to wait for."""
    deadline = time.monotonic() + _PATIENCE_S
    while not condition() and not ended.is_set() and time.monotonic() < deadline:
        time.sleep(0.01)  # the server tells nobody who waits: it is asked


@contextmanager
def _meanwhile(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Let somebody work in another thread during the block; tell him when it is over."""
    ended = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work, ended)
        try:
            yield
        finally:
            ended.set()
        done.result()


@pytest.mark.parametrize("verb", ["status", "plan", "verify", "drift", "log", "adopt", "mark", "forget", "migrate"])
def test_exchanged_while_waited_for(victim: MakeVictim, verb: str) -> None:
    """A verb that waits for the ledger's table does not read the view that stands there when the wait is over."""
    one = victim(Attack("exchanged", "", by=By.SUPERUSER))
    locked = threading.Event()

    def exchange(ended: threading.Event) -> None:
        with one.session(By.SUPERUSER) as session, one.session(By.SUPERUSER) as watch, session.transaction():
            session.execute("LOCK TABLE public._migrations, public._migrations_log")
            locked.set()
            _await(lambda: watch.execute(_WAITING).fetchone() != (0,), ended)
            session.execute("ALTER TABLE public._migrations RENAME TO was")
            session.execute(_VIEW.format("public").encode())

    with _meanwhile(exchange):
        assert locked.wait(_PATIENCE_S)
        seen = one.run(verb)
    assert [*judge(one, seen, {})] == []
    assert seen.result.code in (4, 5), seen.text


def _take_turns(
    one: Victim, by: By, there: tuple[str, ...], back: tuple[str, ...]
) -> Callable[[threading.Event], None]:
    """Return what exchanges something and changes it back, for as long as it may."""

    def work(ended: threading.Event) -> None:
        with one.session(by) as session:
            while not ended.is_set():
                for statements in (there, back):
                    # What was not exchanged cannot be changed back.
                    while not _exchange(session, statements):
                        pass

    return work


def _exchange(session: psycopg.Connection[tuple[object, ...]], statements: tuple[str, ...]) -> bool:
    """Return whether the statements were all done: our own locks may be in the way of his."""
    try:
        with session.transaction():
            for statement in statements:
                session.execute(statement.encode())
    except psycopg.errors.DeadlockDetected:
        return False
    return True


@pytest.mark.parametrize("verb", ["status", "dry run", "verify", "log", "text", "mark"])
def test_schemas_take_turns(victim: MakeVictim, verb: str) -> None:
    """An owner who exchanges schema public for one of his own, over and over, never has his view read."""
    copies = "".join(
        f"CREATE VIEW decoy.{name} AS SELECT evil.spy(checksum) AS checksum FROM evil.{name[1:]};"
        for name in ("_migrations_log", "_migrations_repeatable")
    )
    one = victim(Attack("turns", f"CREATE SCHEMA decoy; {_VIEW.format('decoy')}; {copies}"))
    one.strike()
    public, decoy = "ALTER SCHEMA public RENAME TO was", "ALTER SCHEMA decoy RENAME TO public"
    back = ("ALTER SCHEMA public RENAME TO decoy", "ALTER SCHEMA was RENAME TO public")
    with _meanwhile(_take_turns(one, By.ATTACKER, (public, decoy), back)):
        seen = [one.run(verb) for _ in range(_TURNS)]
    assert [fault for each in seen for fault in judge(one, each, {}) if "exit code 0, but" not in fault] == []


@pytest.mark.parametrize("verb", ["status", "dry run", "log", "mark", "migrate"])
def test_tables_take_turns(victim: MakeVictim, verb: str) -> None:
    """A table that is renamed for a view, over and over, is never a reason to read that view."""
    one = victim(Attack("turns", _VIEW.format("evil"), by=By.SUPERUSER))
    one.strike()
    there = ("ALTER TABLE public._migrations RENAME TO was", "ALTER VIEW evil._migrations SET SCHEMA public")
    back = ("ALTER VIEW public._migrations SET SCHEMA evil", "ALTER TABLE public.was RENAME TO _migrations")
    with _meanwhile(_take_turns(one, By.SUPERUSER, there, back)):
        seen = [one.run(verb) for _ in range(_TURNS)]
    assert [fault for each in seen for fault in judge(one, each, {}) if "exit code 0, but" not in fault] == []


def test_a_ledger_that_is_locked(victim: MakeVictim) -> None:
    """Whoever keeps the ledger locked makes a tenant blocked; nobody waits for ever."""
    one = victim(Attack("locked", "", by=By.SUPERUSER))
    with one.session(By.SUPERUSER) as session, session.transaction():
        session.execute("LOCK TABLE public._migrations")
        assert one.run("status").result.code == 5


def test_a_lock_of_ours_that_is_taken(victim: MakeVictim) -> None:
    """Whoever takes the lock of the runners makes a tenant blocked; nobody waits for ever."""
    one = victim(Attack("locked", ""))
    with one.session(By.ATTACKER) as session:
        session.execute("SELECT pg_catalog.pg_advisory_lock(%s)", [LOCK_KEY])
        assert one.run("migrate").result.code == 5
