"""Who may have another connection to a server: several threads that hold some must not wait for each other for ever."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

import psycopg
import pytest

from tenantry.model.errors import Blocked, Cancelled, NoDatabase, Refused, TenantError, Unreachable
from tenantry.postgres.capacity import EACH, Capacity, is_safe
from tenantry.postgres.refusals import is_away


@pytest.mark.parametrize(
    ("held", "limit", "safe"),
    [
        ([1], 1, True),
        ([1, 1], 1, False),
        ([1, 1], 2, False),
        ([1, 1, 1], 3, False),
        ([1, 1], 4, True),
        ([1, 1, 1, 1], 6, True),
        ([1, 1, 1, 1, 1], 6, False),
        ([2, 1, 1, 1], 6, True),
        ([2, 2, 1, 1], 6, False),
        ([3, 1, 1, 1], 6, True),
        ([3, 3, 1], 6, False),
    ],
)
def test_safe(held: list[int], limit: int, safe: bool) -> None:
    """It is safe to go on as long as the tenants at work can all get three connections, one after another."""
    assert is_safe(dict(enumerate(held)), limit) is safe


def test_every_tenant_gets_through() -> None:
    """Threads that each take three connections, one by one, all get them, and never more than there are."""
    capacity = Capacity("main", 5, 60)
    capacity._asked = True  # nothing is connected to
    open_now: list[int] = []
    most: list[int] = []

    def work(_: int) -> None:
        with ExitStack() as stack:
            for _ in range(EACH):
                stack.enter_context(capacity.hold(str))
                open_now.append(1)
                most.append(len(open_now))
            for _ in range(EACH):
                open_now.pop()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    assert len(most) == 40 * EACH
    assert max(most) <= 5


def test_one_thread_asks_first() -> None:
    """Until the server has told how many connections it has, one thread connects; where it hangs, the others follow."""
    capacity = Capacity("main", None, 60)
    began = Barrier(2)
    order: list[str] = []

    def second() -> None:
        began.wait()
        with capacity.hold(str):
            order.append("second")

    with ThreadPoolExecutor(1) as pool, capacity.hold(str):
        waiting = pool.submit(second)
        began.wait()
        order.append("first")
        waiting.result(timeout=20)
    assert order == ["first", "second"]


def test_a_share() -> None:
    """Processes that divide the connections of a server have a part each, and at least one."""
    assert [Capacity("main", 20, 60, share)._limit for share in (1, 3, 40)] == [20, 6, 1]
    assert Capacity("main", None, 60, 3)._limit is None


def test_without_waiting() -> None:
    """A connection that is of use only at once is refused where none is free."""
    capacity = Capacity("main", 1, 60)
    capacity._asked = True  # nothing is connected to

    def look() -> None:
        with capacity.hold(str, waits=False):
            raise AssertionError("a place that is not there")

    with capacity.hold(str), ThreadPoolExecutor(1) as pool, pytest.raises(Blocked) as caught:
        pool.submit(look).result()
    assert str(caught.value) == "server 'main': no connection is free"
    assert caught.value.hint == (
        "close other connections, raise connections in tenants.yaml, or use a lower --jobs; then run the same command "
        "again"
    )


def test_the_end_of_a_run_ends_the_wait() -> None:
    """Whoever waits for a first connection is told of the end of the run."""
    capacity = Capacity("main", 1, 60)
    capacity._asked = True  # nothing is connected to

    def wait() -> None:
        with capacity.hold(lambda: "SIGTERM"):
            raise AssertionError("a place that is not there")

    with capacity.hold(str), ThreadPoolExecutor(1) as pool, pytest.raises(Cancelled, match="SIGTERM"):
        pool.submit(wait).result()


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (Blocked("server 'main': sorry, too many clients already"), "several"),
        (Unreachable("server 'main': Connection refused"), "one"),
        (NoDatabase("server 'main': database \"x\" does not exist"), "one"),
        (Refused("server 'main': login refused"), "one"),
    ],
    ids=["full", "never there", "no database", "refused"],
)
def test_worth_another_attempt(error: TenantError, tries: str) -> None:
    """Only a server that is full is tried again, for a time; one that never answered is not waited for."""
    capacity = Capacity("main", None, 0.5)
    seen: Iterator[int] = iter(range(1_000_000))

    def attempt() -> psycopg.Connection[tuple[object, ...]]:
        next(seen)
        raise error

    with pytest.raises(type(error)) as caught:
        capacity.connect(attempt, str)
    assert caught.value is error
    assert (next(seen) > 1) is (tries == "several")


@pytest.mark.parametrize(
    ("reason", "away"),
    [
        ('connection to server at "127.0.0.1", port 5432 failed: Connection refused', True),
        ("connection timeout expired", True),
        ("the database system is starting up", True),
        ("the database system is shutting down", True),
        ("server closed the connection unexpectedly", True),
        ('database "x" is not currently accepting connections', False),
        ("Passwort-Authentifizierung fehlgeschlagen", False),
    ],
)
def test_away(reason: str, away: bool) -> None:
    """Only a server that does not answer, or says that it is about to, is waited for."""
    assert is_away(reason) is away


def test_not_each_tenant_waits() -> None:
    """Of a server that has been full for as long as a run waits, the next tenant finds out at its first attempt."""
    capacity = Capacity("main", None, 0.3)
    tries: list[int] = []

    def attempt() -> psycopg.Connection[tuple[object, ...]]:
        tries.append(1)
        raise Blocked("server 'main': sorry, too many clients already")

    with pytest.raises(Blocked):
        capacity.connect(attempt, str)
    before = len(tries)
    with pytest.raises(Blocked):
        capacity.connect(attempt, str)
    assert (before > 1, len(tries) - before) == (True, 1)
