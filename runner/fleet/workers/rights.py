"""The rights in the control database that runs and workers need; docs/how-to/workers.md grants them.

Asked for before anything begins: in the middle of a run, a right that is missing would look like a fault of tenantry.
"""

from enum import Enum


class Part(Enum):
    """Whoever meets in the control database; the value is how messages call it."""

    RUN = "a run"
    WORKER = "a worker"


# Patterns of the tables that each reads, and of the sequences that it uses: others in the schema are not ours.
_OURS = ("layout", "runs", "batches", "messages", "workers", r"procrastinate\_%")
READ: dict[Part | None, tuple[str, ...]] = {None: ("layout",), Part.RUN: _OURS, Part.WORKER: _OURS}
# Table, privilege, and its columns where it is for these alone.
Right = tuple[str, str, str]
_BOTH: tuple[Right, ...] = (
    ("procrastinate_jobs", "UPDATE", "status, attempts, worker_id, scheduled_at, abort_requested"),
    ("procrastinate_events", "INSERT", ""),
)
RIGHTS: dict[Part | None, tuple[Right, ...]] = {
    # To find out whether the tables are there.
    None: (),
    Part.RUN: (
        *_BOTH,
        ("runs", "INSERT", ""),
        ("runs", "DELETE", ""),
        ("runs", "UPDATE", "orders, reason"),
        ("batches", "INSERT", ""),
        ("workers", "DELETE", ""),
        ("procrastinate_jobs", "INSERT", ""),
        ("procrastinate_jobs", "DELETE", ""),
        ("procrastinate_periodic_defers", "UPDATE", "job_id"),
    ),
    Part.WORKER: (
        *_BOTH,
        ("workers", "INSERT", ""),
        ("workers", "DELETE", ""),
        ("workers", "UPDATE", "seen_at, queue_worker"),
        ("messages", "INSERT", ""),
        ("procrastinate_workers", "INSERT", ""),
        ("procrastinate_workers", "DELETE", ""),
        ("procrastinate_workers", "UPDATE", "last_heartbeat"),
    ),
}
