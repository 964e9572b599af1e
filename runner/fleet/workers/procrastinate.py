"""procrastinate, the library whose queue carries batches to workers: the only module that knows it.

It is the carrier and never the witness: that a job is done, lost or anybody's is decided by leases and messages. It
runs in an event loop of its own, and the batches in a thread, where nothing that they do can hold up that loop.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import procrastinate
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector, exceptions
from procrastinate.connector import BaseConnector
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager, NotificationCallback
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from tenantry.fleet.workers.attempt import GivenBack
from tenantry.fleet.workers.control import Control, Ticket
from tenantry.postgres.sessions import Connection

VERSION = procrastinate.__version__

_TASK = "tenantry.batch"
# Arbitrary, all of them. A job that was taken back rings no bell, and waits for as long as the polling takes.
_POLL_S = 2.0
_BEAT_S = 5.0
_STALLED_S = 60.0
_AGAIN_S = 1.0
_TRIES = 60
_LOOK_S = 0.2
# The pool of connections: one listens, the others ask.
_CONNECTIONS = 4

Do = Callable[[Ticket], None]


def read_schema() -> str:
    """Return the SQL that creates the library's tables in the first schema of the search path."""
    return App(connector=SyncPsycopgConnector()).schema_manager.get_schema()


def defer(connection: Connection, queues: Sequence[tuple[str, str | None]]) -> list[int]:
    """Add a job to each of these queues and return their numbers; of those with the same lock, one runs at a time."""
    manager = App(connector=SyncPsycopgConnector()).job_manager
    jobs = [
        Job(id=None, task_name=_TASK, queue=name, lock=lock, queueing_lock=None, task_kwargs={})
        for name, lock in queues
    ]
    return [job.id for job in manager.batch_defer_jobs(jobs, connection=connection) if job.id is not None]


def work(
    control: Control, queues: Iterable[str], do: Do, is_over: Callable[[], bool], know: Callable[[int], None]
) -> None:
    """Take jobs from these queues, one at a time, and call `do` with each, until `is_over`; then end in order.

    `know` is told the number by which jobs name this worker. Raises ConnectorException if it cannot begin.
    """
    # Its log lines at INFO have the arguments of jobs, and at WARNING each lost connection.
    for name in ("procrastinate", "psycopg.pool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    asyncio.run(_work(control, list(queues), do, is_over, know))


async def _work(
    control: Control, queues: list[str], do: Do, is_over: Callable[[], bool], know: Callable[[int], None]
) -> None:
    connector = PsycopgConnector(
        conninfo="", kwargs=control.list_parameters, min_size=1, max_size=_CONNECTIONS, timeout=10
    )
    app = App(connector=connector)
    app.job_manager = _PatientManager(connector, know)

    def take(context: procrastinate.JobContext) -> None:
        if context.job.id is not None:
            do(Ticket(context.job.id, context.job.attempts))

    # No coroutine: it runs in a thread.
    app.task(name=_TASK, pass_context=True, retry=_AfterReturn())(take)
    async with app.open_async():
        working = asyncio.create_task(
            app.run_worker_async(
                queues=queues,
                concurrency=1,
                fetch_job_polling_interval=_POLL_S,
                update_heartbeat_interval=_BEAT_S,
                stalled_worker_timeout=_STALLED_S,
                install_signal_handlers=False,
            )
        )
        while not (working.done() or is_over()):
            await asyncio.sleep(_LOOK_S)
        # It waits for the running job, which notices by itself that it is to end.
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working


class _AfterReturn(BaseRetryStrategy):
    """A batch that was given back is for another worker; nothing else is tried again by the library."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Return whether and when a job is tried again."""
        return RetryDecision(retry_in={"seconds": 0}) if isinstance(exception, GivenBack) else None


class _PatientManager(JobManager):
    """The library's queries, with patience while the control database is away, and a fence around the end of a job.

    In the library, a worker that could not beat or listen goes on deaf, and one that was thought dead ends a job that
    another one is at by now.
    """

    def __init__(self, connector: BaseConnector, know: Callable[[int], None]) -> None:
        super().__init__(connector)
        self._know = know

    async def register_worker(self) -> int:
        """Return the number of this worker, and make it known."""
        number = await super().register_worker()
        self._know(number)
        return number

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Return the next job; None also while there is no connection, or the worker was thought dead."""
        try:
            return await super().fetch_job(queues, worker_id)
        except exceptions.ConnectorException:
            await asyncio.sleep(_AGAIN_S)
            await self.update_heartbeat(worker_id)
            return None

    async def update_heartbeat(self, worker_id: int) -> None:
        """Say that the worker lives; one that was thought dead, and deleted, is back."""
        beat = (
            "INSERT INTO procrastinate_workers (id) OVERRIDING SYSTEM VALUE VALUES (%(worker)s)"
            " ON CONFLICT (id) DO UPDATE SET last_heartbeat = now()"
        )
        with suppress(exceptions.ConnectorException):
            await self.connector.execute_query_async(beat, worker=worker_id)

    async def unregister_worker(self, worker_id: int) -> None:
        """Delete the worker; without a connection, another one does that later."""
        with suppress(exceptions.ConnectorException):
            await super().unregister_worker(worker_id)

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        """Listen for new jobs, again where the connection is lost."""
        while True:
            with suppress(exceptions.ConnectorException):
                await super().listen_for_jobs(on_notification=on_notification, queues=queues)
            await asyncio.sleep(_AGAIN_S)

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Store the end of a job, unless another attempt counts by now."""
        end = (
            "UPDATE procrastinate_jobs SET status = %(status)s, abort_requested = false, attempts = attempts + 1"
            " WHERE id = %(job)s AND status = 'doing' AND attempts = %(attempt)s"
        )
        await self._store(end, status=status.value, job=job.id, attempt=job.attempts)

    async def retry_job(self, job: Job, *_: Any, **__: Any) -> None:
        """Give a job to another worker, unless another attempt counts by now."""
        again = (
            "UPDATE procrastinate_jobs SET status = 'todo', attempts = attempts + 1, worker_id = NULL"
            " WHERE id = %(job)s AND status = 'doing' AND attempts = %(attempt)s"
        )
        await self._store(again, job=job.id, attempt=job.attempts)

    async def _store(self, query: Any, **values: Any) -> None:
        for _ in range(_TRIES):
            with suppress(exceptions.ConnectorException):
                await self.connector.execute_query_async(query, **values)
                return
            await asyncio.sleep(_AGAIN_S)
