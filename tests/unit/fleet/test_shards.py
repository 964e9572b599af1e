"""Shards: each tenant is in exactly one of them, the same in each run, and the master is in all."""

from dataclasses import replace

import pytest

from tenantry.fleet.selection import Selection, parse_selection, select
from tenantry.fleet.shards import Shard, parse_shard
from tenantry.model.errors import ConfigError
from tests.builders import tenant

TENANTS = [tenant(str(number)) for number in range(1, 1001)]
MASTER = tenant("master")


def take(shard: str, tenants: str | None = None) -> list[str]:
    """Return the names of a shard."""
    chosen = replace(parse_selection(tenants), shard=parse_shard(shard))
    return [one.name for one in select(TENANTS, MASTER, chosen)]


def test_every_tenant_once() -> None:
    """Shards together are the selection, no tenant is in two, and none is much larger than the others."""
    shards = [take(f"{number}/10") for number in range(1, 11)]
    assert all(names[0] == "master" for names in shards)
    assert sorted(name for names in shards for name in names[1:]) == sorted(one.name for one in TENANTS)
    assert all(75 <= len(names) <= 125 for names in shards)


def test_always_the_same() -> None:
    """The shard of a tenant depends on its id alone, and never changes: two versions may share a run."""
    assert take("1/3", "1-30") == ["2", "4", "9", "11", "12", "14", "17", "20", "21", "23", "26"]


def test_of_a_part() -> None:
    """A shard of a selection is that part of its tenants; the master is in it only where it is selected."""
    half = [name for name in take("2/2") if name.isdigit() and int(name) <= 20]
    assert take("2/2", "1-20,!16") == [name for name in half if name != "16"]
    assert take("2/2", "master") == ["master"]


def test_nobody() -> None:
    """A shard that has nobody is an error: a run over no tenant would pass for one over all."""
    empty = next(number for number in range(1, 11) if not Shard(number, 10).has("1"))
    with pytest.raises(ConfigError) as caught:
        take(f"{empty}/10", "1")
    (problem,) = caught.value.problems
    assert problem.message == f"--shard {empty}/10: contains none of the selected tenants, expected at least one"
    assert problem.hint == "divide the tenants into fewer shards"


@pytest.mark.parametrize("text", ["5/3", "0/3", "0/0", "3", "x", "1/", "/3", "-1/3", "1/3/5", "1.5/3", " 1/3"])
def test_no_shard(text: str) -> None:
    """A number that is not among the shards is none."""
    assert parse_shard(text) is None


def test_words() -> None:
    """A selection with a shard is named, and typed, with it."""
    chosen = Selection(shard=Shard(3, 10))
    assert (chosen.everything, chosen.computed) == (False, True)
    assert (chosen.typed, chosen.words) == ("all --shard 3/10", "all, shard 3/10")
    some = replace(parse_selection("20 of all"), shard=Shard(1, 2))
    assert (some.typed, some.words) == ("'20 of all' --shard 1/2", "20 of all, shard 1/2")
