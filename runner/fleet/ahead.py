"""Work that a run is going to need, begun before anybody asks for it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


class Ahead:
    """One thread for such work, a piece after the other; whoever needs a result asks for it as if there were none.

    So the work keeps its result itself, errors included, and heeds the end of the run. The program waits for it.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._begun: dict[object, object] = {}

    def begin(self, key: object, work: Callable[[], object]) -> None:
        """Begin a piece of work, unless it was begun before under this key."""
        ours = object()
        # A single step under the interpreter's lock: of two threads at the same moment, one is first.
        if self._begun.setdefault(key, ours) is ours:
            self._pool.submit(work)
