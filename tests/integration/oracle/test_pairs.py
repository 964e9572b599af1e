"""Pairs of schemas, held against pg_dump: nothing is missed, and a draft makes one into the other and no more."""

import os

import pytest

from tests.integration.oracle.fix_pairs import find_faults, read_pairs, show
from tests.integration.oracle.round_trip import Oracle

_KINDS = read_pairs("kinds.sql")
_PAIRS = read_pairs("pairs.sql")
# How many statements of each draft are left out in turn.
_SAMPLE = 99 if os.environ.get("TENANTRY_TEST_ORACLE") == "1" else 0


@pytest.mark.parametrize("name", _KINDS)
def test_kinds(oracle: Oracle, name: str) -> None:
    """Fingerprints tell what pg_dump tells; a draft runs as it stands, and whole; then there is no difference left."""
    faults = find_faults(oracle, _KINDS[name], sample=_SAMPLE)
    assert not faults, show(faults)


@pytest.mark.slow
@pytest.mark.parametrize("name", _PAIRS)
def test_pairs(oracle17: Oracle, name: str) -> None:
    """So it is with the pairs that drafts are tested with."""
    faults = find_faults(oracle17, _PAIRS[name], sample=_SAMPLE)
    assert not faults, show(faults)
