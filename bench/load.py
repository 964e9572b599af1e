"""An application at work: sessions that read and write all the time, and how long each of their queries took."""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

# Arbitrary: about a hundred queries a second from each session, which leaves the processors to the server.
_PAUSE_S = 0.01


@dataclass(frozen=True, slots=True)
class Query:
    """A query of the application, with one parameter: a number from 1 to `rows`."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Wait:
    """How long one query took, and when it was sent, by the monotonic clock."""

    kind: str
    sent_s: float
    took_s: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What queries of one kind took within a time; all in seconds."""

    kind: str
    count: int
    median_s: float
    late_s: float
    longest_s: float


class Load:
    """What the application's sessions have seen so far."""

    def __init__(self) -> None:
        self.waits: list[Wait] = []
        self.errors: list[str] = []

    def summarise(self, kind: str, since_s: float, until_s: float) -> Summary:
        """Return what queries of a kind took that were on their way between two times; zeros where there were none."""
        took = sorted(
            wait.took_s
            for wait in tuple(self.waits)
            if wait.kind == kind and wait.sent_s + wait.took_s >= since_s and wait.sent_s <= until_s
        )
        if not took:
            return Summary(kind, 0, 0.0, 0.0, 0.0)
        return Summary(kind, len(took), took[len(took) // 2], took[len(took) * 99 // 100], took[-1])


@contextmanager
def run_load(dsn: str, queries: Sequence[Query], *, rows: int, sessions: int = 2) -> Iterator[Load]:
    """Have each query sent all the time by so many sessions, until the block ends. An error ends its session."""
    load, stop = Load(), threading.Event()

    def work(query: Query, seed: int) -> None:
        chosen = random.Random(seed)  # which row is read is no secret
        try:
            # A prepared SELECT of all columns fails once there is one more, which is the application's own matter.
            with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as connection:
                while not stop.wait(_PAUSE_S):
                    sent_s = time.monotonic()
                    connection.execute(query.text.encode(), [chosen.randint(1, rows)])
                    load.waits.append(Wait(query.kind, sent_s, time.monotonic() - sent_s))
        except psycopg.Error as error:
            load.errors.append(f"{query.kind}: {error}")

    threads = [threading.Thread(target=work, args=(query, number)) for number in range(sessions) for query in queries]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        stop.set()
        for thread in threads:
            thread.join()
