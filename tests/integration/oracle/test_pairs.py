"""Pairs of schemas, held against pg_dump: nothing is missed, and a draft makes one into the other and no more."""

import os

import pytest

from tests.integration.oracle.fix_pairs import find_faults, read_pairs, show
from tests.integration.oracle.round_trip import Oracle

_KINDS = read_pairs("kinds.sql")
# With what servers before 15 lack: unlogged sequences, and a pg_dump that tells grants on those of identities.
_KINDS_15 = read_pairs("kinds_15.sql")
_KINDS_18 = read_pairs("pairs_18.sql")
_PAIRS = read_pairs("pairs.sql")
# How many statements of each draft are left out in turn.
_SAMPLE = 99 if os.environ.get("TENANTRY_TEST_ORACLE") == "1" else 0


@pytest.mark.parametrize("name", [*_KINDS, *_KINDS_15, *_KINDS_18])
def test_kinds(oracle: Oracle, name: str) -> None:
    """Fingerprints tell what pg_dump tells; a draft runs as it stands, and whole; then there is no difference left."""
    if oracle.read_major() < (18 if name in _KINDS_18 else 15 if name in _KINDS_15 else 0):
        pytest.skip("older servers do not know this")
    faults = find_faults(oracle, {**_KINDS, **_KINDS_15, **_KINDS_18}[name], sample=_SAMPLE)
    assert not faults, show(faults)


@pytest.mark.slow
@pytest.mark.parametrize("name", _PAIRS)
def test_pairs(oracle17: Oracle, name: str) -> None:
    """So it is with the pairs that drafts are tested with."""
    faults = find_faults(oracle17, _PAIRS[name], sample=_SAMPLE)
    assert not faults, show(faults)
