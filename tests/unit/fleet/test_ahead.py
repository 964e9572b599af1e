"""Work ahead: begun once, in a thread of its own, and silent about its errors."""

import threading
from functools import partial

from tenantry.fleet.ahead import Ahead


def test_once() -> None:
    """A piece of work is begun for the first who asks, and not again under the same key."""
    done, ahead = threading.Semaphore(0), Ahead()
    begun: list[str] = []

    def work(name: str) -> None:
        begun.append(name)
        done.release()

    for name, key in (("first", 1), ("again", 1), ("second", 2)):
        ahead.begin(key, partial(work, name))
    assert all(done.acquire(timeout=30) for _ in range(2))
    assert begun == ["first", "second"]


def test_beside() -> None:
    """Whoever begins it does not wait for it."""
    go, done, ahead = threading.Event(), threading.Event(), Ahead()

    def work() -> None:
        go.wait(30)
        done.set()

    ahead.begin("work", work)
    assert not done.is_set()
    go.set()
    assert done.wait(30)


def test_error() -> None:
    """An error ends that piece alone: whoever needs its result is told when asking for it."""
    done, ahead = threading.Event(), Ahead()
    ahead.begin("broken", lambda: 1 / 0)
    ahead.begin("next", done.set)
    assert done.wait(30)
