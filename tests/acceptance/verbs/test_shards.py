"""`--shard`: several machines share a fleet, and together they do what one would."""

import subprocess
from pathlib import Path

import pytest

from tests.acceptance.fix_command import (
    COMMAND,
    MASTER_FILES,
    ROOMS,
    Fleet,
    MakeFleet,
    Result,
    find_commands,
    read_events,
)

IDS = [str(number) for number in range(1, 13)]
VERBS = {
    "migrate": (),
    "status": (),
    "plan": (),
    "verify": (),
    "drift": (),
    "log": (),
    "tenants": (),
    "adopt": (),
    "lint": ("--tenants", "all"),
    "accept": ("1", "--tenants", "all", "--reason", "x"),
    "mark": ("1", "--tenants", "all", "--reason", "x"),
    "forget": ("1", "--tenants", "all", "--reason", "x"),
    "rollback": ("--tenants", "all", "--reason", "x"),
    "import": ("sqlx", "--tenants", "all"),
}


def names(result: Result) -> set[str]:
    """Return the tenants that ended in a run."""
    return {event["tenant"] for event in read_events(result.out) if event["event"] == "tenant_finished"}


def break_in(one: Fleet, *tenants: str) -> None:
    """Have the first file fail in these tenants."""
    for name in tenants:
        one.query(name, ROOMS)


def test_shards_share_a_fleet(fleet: MakeFleet) -> None:
    """Each tenant is in one shard, the master in all of them; who is in a shard is said before anything is touched."""
    one = fleet(tenants=IDS, master=MASTER_FILES)
    shards = [one.run("migrate", "--shard", f"{number}/3", "--format", "jsonl") for number in (1, 2, 3)]
    assert [done.code for done in shards] == [0, 0, 0]
    found = [names(done) for done in shards]
    assert [shard & {"master"} for shard in found] == [{"master"}] * 3
    assert sorted(name for shard in found for name in shard - {"master"}) == sorted(IDS)
    begun, said, *_ = read_events(shards[2].out)
    assert begun["event"] == "run_started"
    assert (said["event"], said["selection"], said["number"]) == ("tenants_selected", "all, shard 3/3", len(found[2]))
    assert set(said["first"]) <= found[2]


@pytest.mark.parametrize(("verb", "shard"), [*((verb, "5/3") for verb in VERBS), ("migrate", "0/3"), ("migrate", "x")])
def test_wrong_shards(tmp_path: Path, verb: str, shard: str) -> None:
    """A shard that is none is refused by every verb that takes tenants, exit code 2."""
    done = subprocess.run(
        [COMMAND, verb, *VERBS[verb], "--shard", shard],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    expected = "expected a number from 1 up to the number of shards, such as 3/10"
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"error: --shard: '{shard}', {expected}"


def test_no_next_command_is_wider(fleet: MakeFleet) -> None:
    """The next command names who is left of the shard; of many, it repeats the shard."""
    one = fleet(tenants=[str(number) for number in range(1, 31)], files={"0000_rooms.sql": ROOMS}, created=False)
    done = one.run("migrate", "--shard", "1/2")
    (_, *_, last) = done.out.splitlines()
    listed = last.partition("--tenants ")[2].partition(" ")[0].split(",")
    assert done.code == 4
    assert (len(listed) > 1 and listed != ["all"]) or "--tenants all --shard 1/2" in last
    missing = one.run("plan", "--tenants", "all", "--shard", "2/2")
    assert all("--tenants all" not in command or "--shard 2/2" in command for command in find_commands(missing.out))


def test_resume_keeps_the_shard(fleet: MakeFleet) -> None:
    """A run of a shard is resumed as one: with its tenants alone, and hints that stay within it."""
    one = fleet(tenants=IDS)
    shard = names(one.run("tenants", "--shard", "1/2", "--format", "jsonl"))
    broken = min(shard)
    break_in(one, broken)
    assert one.run("migrate", "--shard", "1/2").code == 3
    one.query(broken, "DROP TABLE rooms")
    done = one.run("migrate", "--resume", "--format", "jsonl")
    assert (done.code, names(done)) == (0, {broken})
    again = one.run("migrate", "--resume")
    assert (again.code, find_commands(again.err)) == (2, ["tenantry status --tenants all --shard 1/2"])
    given = one.run("migrate", "--resume", "--shard", "1/2")
    assert (given.code, given.err) == (
        2,
        "error: --shard: has no effect with --resume, which repeats the options of its run\n",
    )
    assert {name for name in IDS if one.versions(name)} == shard


def test_a_shard_of_nobody(fleet: MakeFleet) -> None:
    """A shard that has nobody is an error: a run over no tenant would pass for one over all of them."""
    one = fleet(tenants=["1"])
    codes = {shard: one.run("status", "--shard", shard).code for shard in ("1/2", "2/2")}
    assert sorted(codes.values()) == [0, 2]
    empty = next(shard for shard, code in codes.items() if code == 2)
    done = one.run("migrate", "--shard", empty)
    assert (done.code, done.err) == (
        2,
        f"error: --shard {empty}: contains none of the selected tenants, expected at least one\n"
        "hint: divide the tenants into fewer shards\n",
    )
