"""Values that the jobs of a run share: each is computed once, by the first job that asks."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

Made = TypeVar("Made")


class Shared:
    """Values that tenants of a run have in common: the first to ask computes one, and the others wait for it."""

    def __init__(self) -> None:
        self._made: dict[object, Future[Any]] = {}

    def get(self, key: object, make: Callable[[], Made]) -> tuple[Made, bool]:
        """Return the result of `make` for this key, and whether it ran just now. Everyone who asks gets its error."""
        ours: Future[Made] = Future()
        # A single step under the interpreter's lock: of two threads at the same moment, one is first.
        kept: Future[Made] = self._made.setdefault(key, ours)
        if kept is not ours:
            return kept.result(), False
        try:
            ours.set_result(make())
        except BaseException as error:
            # Ctrl-C too: the threads that wait for the value would wait for ever.
            ours.set_exception(error)
            raise
        return ours.result(), True
