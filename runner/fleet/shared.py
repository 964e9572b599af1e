"""Values that the jobs of a run share: made once, by the first that asks."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

Made = TypeVar("Made")


class Shared:
    """What tenants of a run have in common: the first that asks makes it, and who comes meanwhile waits for it."""

    def __init__(self) -> None:
        self._made: dict[object, Future[Any]] = {}

    def get(self, key: object, make: Callable[[], Made]) -> tuple[Made, bool]:
        """Return what `make` returned for this key, and whether that was now. What it raises, all are told."""
        ours: Future[Made] = Future()
        # One step under the interpreter's lock: of two threads that come together, one is first.
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
