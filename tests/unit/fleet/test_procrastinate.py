"""The library that carries batches has the parts that this program relies on: on its oldest version as well."""

import inspect

import pytest
from procrastinate.manager import JobManager

from tenantry.fleet.workers import procrastinate
from tenantry.model import SetName
from tenantry.verbs.carrying import name_queue

# What is read and written here without the library's own functions.
USED = {
    "procrastinate_jobs": [
        "id bigserial",
        "queue_name",
        "status",
        "scheduled_at",
        "attempts",
        "abort_requested",
        "worker_id",
    ],
    "procrastinate_workers": ["id bigint", "last_heartbeat"],
}
# A channel has 63 bytes, of which the library takes some.
_LONGEST_QUEUE = 40


def test_the_tables_have_the_columns() -> None:
    """The tables that are written to without the library have these columns."""
    schema = procrastinate.read_schema()
    for table, columns in USED.items():
        body = schema.split(f"CREATE TABLE {table}", 1)[1].split(");", 1)[0]
        for column in columns:
            assert column in body, (table, column)
    assert "FUNCTION procrastinate_cancel_job_v1(job_id bigint, abort boolean, delete_job boolean)" in schema
    assert "'todo'" in schema
    assert "'doing'" in schema


@pytest.mark.parametrize(
    "name",
    ["register_worker", "fetch_job", "update_heartbeat", "unregister_worker", "listen_for_jobs", "finish_job"],
)
def test_the_methods_are_those_of_the_library(name: str) -> None:
    """Each method that is replaced takes what the library's own one takes."""
    ours, theirs = getattr(procrastinate._PatientManager, name), getattr(JobManager, name)
    assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)


def test_a_queue_has_a_short_name_of_its_own() -> None:
    """The name of a queue fits into the library's bell, and differs with schema, server, set and files."""
    names = {
        name_queue(schema, server, set_name, digest)
        for schema in ("a", "b")
        for server in ("eu", "e" * 100)
        for set_name in SetName
        for digest in ("1", "2")
    }
    assert len(names) == 16
    assert max(map(len, names)) <= _LONGEST_QUEUE
