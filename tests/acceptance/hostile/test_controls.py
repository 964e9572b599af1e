"""The suite itself: a tenant that nobody attacked passes every verb, and a canary that is run is heard."""

import pytest

from tests.acceptance.hostile.attack import VERBS, Attack, By, Runner, Start
from tests.acceptance.hostile.fix_hostile import Controls, MakeVictim
from tests.acceptance.hostile.judge import judge, judge_settings

# What ends with another code than 0: version 3 is pending and not there to be marked, dbmate has no records, and
# adopt knows no repeatables.
_OTHERWISE = {"mark?": 4, "verify": 1, "adopt": 1, "adopt write": 1, "import": 4, "import write": 4}


def test_nobody_attacks(controls: Controls) -> None:
    """Every verb ends as it should for a tenant whose owner only owns it."""
    codes = controls(Attack("", "")).codes
    assert codes == {verb: _OTHERWISE.get(verb, 0) for verb in VERBS}


@pytest.mark.parametrize("runner", Runner)
@pytest.mark.parametrize("start", Start)
def test_nothing_is_found(victim: MakeVictim, controls: Controls, runner: Runner, start: Start) -> None:
    """The judge finds nothing where there is nothing."""
    one = victim(Attack("none", "SELECT 1", start=start, runner=runner))
    control = controls(one.attack)
    one.strike()
    faults = [fault for verb in VERBS for fault in judge(one, one.run(verb), control.codes)]
    assert [*faults, *judge_settings(one, control.settings)] == []


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT evil.fire()",
        "SELECT evil.yes(1)",
        "BEGIN READ ONLY; SELECT evil.yes(1); ROLLBACK",
        "BEGIN; SELECT evil.tick(); ROLLBACK",
        "CANARY",
    ],
)
@pytest.mark.parametrize("login", ["postgres", "deploy"])
def test_the_canary_is_heard(victim: MakeVictim, statement: str, login: str) -> None:
    """Whoever runs the attacker's code is heard, whatever he may do and whatever becomes of his transaction."""
    import psycopg

    one = victim(Attack("none", "", by=By.SUPERUSER))
    since = one.ground.canary.listen()
    user = one.ground.login(Runner.SUPERUSER if login == "postgres" else Runner.DEPLOY)
    with psycopg.connect(one.dsn, user=user, autocommit=True) as connection:
        connection.execute(one.ground.fill(statement, one.database, Runner.SUPERUSER).encode())
    songs = one.ground.canary.heard(since)
    assert songs
    assert ("a program ran" in songs) == (login == "postgres")
    assert one.ground.canary.heard(one.ground.canary.listen()) == []


def test_the_attackers_own_session_is_quiet(victim: MakeVictim) -> None:
    """What an attacker runs as himself is no song: he has no more rights than he has."""
    one = victim(Attack("none", "SELECT evil.fire()"))
    since = one.ground.canary.listen()
    one.strike()
    assert one.ground.canary.heard(since) == []
