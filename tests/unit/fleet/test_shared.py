"""What the tenants of a run have in common is made once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tenantry.fleet.shared import Shared

AT_ONCE = 8


def test_made_once() -> None:
    """Of threads that come together, one makes the value, and all have it."""
    shared, barrier, made = Shared(), Barrier(AT_ONCE), list[int]()

    def make() -> str:
        made.append(1)
        return "value"

    def ask(_: int) -> tuple[str, bool]:
        barrier.wait()
        return shared.get("key", make)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        told = sorted(pool.map(ask, range(AT_ONCE)))
    assert (told, made) == ([*[("value", False)] * (AT_ONCE - 1), ("value", True)], [1])


def test_another_key() -> None:
    """Another key has a value of its own."""
    shared = Shared()
    assert [shared.get(key, lambda key=key: key) for key in (1, 2, 1)] == [(1, True), (2, True), (1, False)]  # type: ignore[misc]  # bound at once


def test_an_error() -> None:
    """What the first one met is raised for all: nobody goes on without the value."""
    shared = Shared()

    def fail() -> None:
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match=r"^no$"):
            shared.get("key", fail)
