"""The policy of a tenant: a pin bounds its versions, and a freeze holds all of them until its last day is over."""

from dataclasses import replace
from datetime import date

import pytest

from tenantry.model import MigrationStatus, State
from tenantry.model.tenants import Freeze
from tenantry.planning.policy import describe_freeze, describe_held, describe_policy, limit_target
from tests.builders import migration, tenant

FILES = [migration("0010_rooms"), migration("0011_rates"), migration("0012_beds"), migration("0013_tax")]
PENDING = [MigrationStatus(file.version, State.PENDING, file, None) for file in FILES]
PINNED = replace(tenant(), pin=11)
DAY = date(2026, 12, 31)
FROZEN = replace(tenant(), freeze=Freeze(DAY, "year-end closing"))


@pytest.mark.parametrize(
    ("pin", "target", "limit"),
    [(None, None, None), (None, 12, 12), (11, None, 11), (11, 10, 10), (11, 12, 11), (13, None, None)],
)
def test_limit(pin: int | None, target: int | None, limit: int | None) -> None:
    """The lower of pin and target counts, and a pin to the newest file leaves nothing out."""
    assert limit_target(replace(tenant(), pin=pin), FILES, target) == limit


def test_freeze_ends() -> None:
    """A tenant is frozen on the last day, and free on the one after it."""
    assert describe_freeze(FROZEN, DAY) == "frozen until 2026-12-31: year-end closing"
    assert describe_freeze(FROZEN, date(2027, 1, 1)) == ""


def test_held() -> None:
    """What a tenant does not get is named, up to the version that the run is for."""
    assert describe_held(PINNED, PENDING, DAY) == "pinned to 0011; left out: 0012_beds and 1 more"
    assert describe_held(PINNED, PENDING, DAY, 12) == "pinned to 0011; left out: 0012_beds"
    assert describe_held(PINNED, PENDING, DAY, 11) == ""
    assert describe_held(FROZEN, PENDING[:1], DAY) == "frozen until 2026-12-31: year-end closing; left out: 0010_rooms"
    assert describe_held(tenant(), PENDING, DAY) == describe_policy(tenant(), DAY) == ""
