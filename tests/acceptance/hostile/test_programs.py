"""What programs read stays what it was: escapes are for people."""

import json
from typing import Any

import pytest

from tests.acceptance.hostile.attack import Attack, By
from tests.acceptance.hostile.attacks_rows import NASTY, NASTY_SQL
from tests.acceptance.hostile.fix_hostile import MakeVictim

_ATTACK = Attack(
    "nasty",
    f"UPDATE public._migrations SET applied_by = {NASTY_SQL}; UPDATE public._migrations_log SET reason = {NASTY_SQL};"
    f"COMMENT ON TABLE public.rooms IS {NASTY_SQL}",
    by=By.RUNNER,
)


def _find_texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for entry in value.values() for text in _find_texts(entry)]
    if isinstance(value, list):
        return [text for entry in value for text in _find_texts(entry)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("verb", ["status", "verify", "drift", "log", "plan"])
def test_jsonl(victim: MakeVictim, verb: str) -> None:
    """Each line of `--format jsonl` is an object whose texts are as they are in the database."""
    one = victim(_ATTACK)
    one.strike()
    result = one.call(one.folder, (verb, "--tenants", "1", "--format", "jsonl"))
    events = [json.loads(line) for line in result.out.split("\n") if line]
    assert events[-1]["event"] == "run_finished"
    shown = {"status", "log"}
    assert any(NASTY in text for text in _find_texts(events)) or verb not in shown
