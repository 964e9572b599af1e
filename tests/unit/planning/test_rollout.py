"""The stages of a run: the master first, each tenant in the first stage that matches it, and a limit for each."""

from collections.abc import Collection

from tenantry.model import Tenant
from tenantry.model.rollout import NO_ROLLOUT, NOBODY, Limit, Rollout, Stage, StageRule
from tenantry.planning.rollout import divide, make_stages, name_rest
from tests.builders import tenant

MASTER = tenant("master")
TENANTS = [tenant(str(number)) for number in range(1, 7)]
RULES = (StageRule("canary", "1-2"), StageRule("early", "1-4", limit=Limit(1), jobs=2, pause_s=3, verify=True))


def name(stages: list[Stage]) -> list[tuple[str, list[str]]]:
    """Return the name of each stage with those of its tenants."""
    return [(stage.name, [one.name for one in stage.tenants]) for stage in stages]


def split(
    tenants: list[Tenant], rules: tuple[StageRule, ...], *matches: Collection[str], limit: Limit | None = None
) -> list[Stage]:
    """Return the stages of a rollout."""
    return divide(tenants, Rollout(None, rules), matches, limit)


def test_without_a_rollout() -> None:
    """The master is a stage of its own, if it is selected, and all tenants are one."""
    assert name(make_stages([MASTER, *TENANTS[:2]])) == [("", ["master"]), ("", ["1", "2"])]
    assert name(make_stages(TENANTS[:2])) == [("", ["1", "2"])]
    assert make_stages([]) == []
    assert name(divide([MASTER, *TENANTS[:2]], NO_ROLLOUT, [], Limit(1))) == [("", ["master"]), ("", ["1", "2"])]


def test_first_match_wins() -> None:
    """A tenant is in the first stage that matches it, and in the last one if none does; its order stays."""
    stages = split([MASTER, *reversed(TENANTS)], RULES, {"1", "2"}, {"1", "2", "3", "4"})
    assert name(stages) == [
        ("", ["master"]),
        ("canary", ["2", "1"]),
        ("early", ["4", "3"]),
        ("rest", ["6", "5"]),
    ]


def test_empty_stages_are_left_out() -> None:
    """Stages that nobody of the selection is in do not start, nor does the master's where it is not selected."""
    assert name(split(TENANTS[4:], RULES, {"1", "2"}, {"1", "2", "3", "4"})) == [("rest", ["5", "6"])]
    assert name(split(TENANTS[:1], RULES, {"1", "2"}, {"1"})) == [("canary", ["1"])]


def test_master_is_in_no_stage() -> None:
    """The master comes first whatever a stage matches: the tenants' files may depend on it."""
    assert name(split([TENANTS[0], MASTER], RULES, {"1", "master"}, {"1"}))[0] == ("", ["master"])


def test_limits() -> None:
    """A stage has its own limit, that of the run, or none at all may fail in it; only the last may be without one."""
    matches = ({"1", "2"}, {"1", "2", "3", "4"})
    assert [stage.limit for stage in split(TENANTS, RULES, *matches)] == [NOBODY, Limit(1), None]
    assert [stage.limit for stage in split(TENANTS, RULES, *matches, limit=Limit(5))] == [Limit(5), Limit(1), Limit(5)]
    assert [stage.limit for stage in split(TENANTS[:2], RULES, *matches)] == [None]


def test_what_a_stage_keeps() -> None:
    """Jobs, pause and proof of a rule are those of its stage."""
    early = split(TENANTS, RULES, {"1"}, {"2"})[1]
    assert (early.name, early.jobs, early.pause_s, early.verified) == ("early", 2, 3, True)


def test_name_of_the_rest() -> None:
    """The stage of all others has a name that no other one has."""
    assert name_rest(Rollout(None, RULES)) == "rest"
    assert name_rest(Rollout(None, (StageRule("rest", "1"),))) == "others"
