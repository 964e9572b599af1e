"""A tenant's owner is hostile: nothing of his is run, believed, or shown as something else by any verb."""

import pytest

from tests.acceptance.hostile import (
    attacks_output,
    attacks_place,
    attacks_rows,
    attacks_settings,
    attacks_shadow,
    attacks_table,
    attacks_takeover,
)
from tests.acceptance.hostile.attack import Attack, check_names
from tests.acceptance.hostile.fix_hostile import Controls, MakeVictim
from tests.acceptance.hostile.judge import judge, judge_settings

ATTACKS = check_names(
    (
        *attacks_place.ATTACKS,
        *attacks_table.ATTACKS,
        *attacks_rows.ATTACKS,
        *attacks_shadow.ATTACKS,
        *attacks_settings.ATTACKS,
        *attacks_output.ATTACKS,
        *attacks_takeover.ATTACKS,
    )
)


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_attack(victim: MakeVictim, controls: Controls, attack: Attack) -> None:
    """An attack makes nothing run, and no verb says what is not so."""
    one = victim(attack)
    control = controls(attack)
    one.strike()
    faults = [fault for verb in attack.run for fault in judge(one, one.run(verb), control.codes)]
    assert [*faults, *judge_settings(one, control.settings)] == []
