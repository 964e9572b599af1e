"""Which edits of a file that ran already make no difference."""

import pytest

from tenantry.files.cosmetic import is_cosmetic

BEFORE = "-- Rates by night.\n-- lock-timeout: 5s\n-- require: SELECT true\nALTER TABLE rooms ADD COLUMN rate int;\n"
COSMETIC = {
    "prose": BEFORE.replace("by night", "by day"),
    "licence above the keys": f"-- Copyright: ours\n\n{BEFORE}",
    "keys in another order of lines": (
        "-- require: SELECT true\n-- lock-timeout: 5s\nALTER TABLE rooms ADD COLUMN rate int;\n"
    ),
    "the same time in other words": BEFORE.replace("5s", "5000ms"),
    "layout": BEFORE.replace("ADD COLUMN", "\n    ADD COLUMN"),
    "what it replaces": f"-- replaces: sha256:{'0' * 64}\n{BEFORE}",
    "an allowed danger": f"-- lint: allow add-not-null because it is empty\n{BEFORE}",
}
MEANT = {
    "another statement": BEFORE.replace("int", "bigint"),
    "another timeout": BEFORE.replace("5s", "50s"),
    "a key less": BEFORE.replace("-- lock-timeout: 5s\n", ""),
    "another query": BEFORE.replace("SELECT true", "SELECT  false"),
    "outside a transaction": f"-- transactional: false\n{BEFORE}",
    "judged by the server": f"-- parse: server\n{BEFORE}",
    "a key that cannot be read": f"-- lock-timeout: soon\n{BEFORE}",
}


@pytest.mark.parametrize("after", COSMETIC.values(), ids=COSMETIC)
def test_cosmetic(after: str) -> None:
    """Comments for people, white space and the lines that keys stand on make no difference."""
    assert is_cosmetic(BEFORE, after)


@pytest.mark.parametrize("after", MEANT.values(), ids=MEANT)
def test_meant(after: str) -> None:
    """What PostgreSQL or the runner reads makes one."""
    assert not is_cosmetic(BEFORE, after)
    assert not is_cosmetic(after, BEFORE)
