"""Pairs of generated schemas, held against pg_dump."""

import contextlib
import os
from collections.abc import Iterable

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings

from tests.integration.oracle.fix_pairs import show
from tests.integration.oracle.fix_schemas import schemas
from tests.integration.oracle.round_trip import Fault, Oracle, compare_sides, try_draft

_ASKED = os.environ.get("TENANTRY_TEST_ORACLE") == "1"


def find_generated(oracle: Oracle, before: Iterable[str], after: Iterable[str], *, sample: int = 0) -> list[Fault]:
    """Return the faults between two schemas, whose statements may fail."""
    with oracle.lend() as first, oracle.lend() as second:
        for name, statements in ((first, before), (second, after)):
            with oracle.connect(name) as connection:
                for statement in statements:
                    with contextlib.suppress(psycopg.Error):
                        connection.execute(statement.encode())
        one, other = oracle.read(first), oracle.read(second)
        faults = [*compare_sides(one, other), *try_draft(oracle, one, other, sample=sample)]
        return [*faults, *try_draft(oracle, other, one, sample=sample)]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(
    max_examples=100 if _ASKED else 5,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(before=schemas(), after=schemas())
def test_generated(oracle17: Oracle, before: tuple[str, ...], after: tuple[str, ...]) -> None:
    """No pair of schemas is told less of than pg_dump tells, and every draft runs and leaves nothing."""
    faults = find_generated(oracle17, before, after)
    assert not faults, show(faults)
