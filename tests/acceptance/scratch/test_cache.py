"""Every verb that keeps what it computed works as well where it cannot be kept, and says so once."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.acceptance.fix_command import Fleet, MakeFleet, read_events

FIRST = {"0000_rooms.sql": "CREATE TABLE rooms (id integer PRIMARY KEY, name text NOT NULL);\n"}
NOTES = "ALTER TABLE rooms ADD COLUMN notes text;\n"


@pytest.fixture
def used(fleet: MakeFleet, tmp_path: Path) -> Fleet:
    """Return a fleet in use with a file where its cache should be: not even root can write there."""
    one = fleet(files=FIRST)
    assert one.run("migrate", "--no-verify").code == 0
    one.write("0001_notes.sql", NOTES)
    cache = tmp_path / "cache"
    cache.write_text("in the way", "utf-8")
    return replace(one, environment={**one.environment, "TENANTRY_CACHE": str(cache)})


def list_warnings(one: Fleet, out: str) -> list[tuple[str, str, str]]:
    """Return tenant, message and hint of every warning, from JSON lines; the folder of the cache is `/cache`."""
    found = [event for event in read_events(out) if event["event"] == "warning_raised"]
    cache = one.environment["TENANTRY_CACHE"]
    return [
        (event["tenant"], event["problem"]["message"].replace(cache, "/cache"), event["problem"]["hint"])
        for event in found
    ]


def describe(*folders: str) -> list[tuple[str, str, str]]:
    """Return the warnings for folders that nothing can be kept in."""
    message = "file exists, expected a folder that only you write to: the next run starts from nothing"
    hint = "correct its owner and mode, or set TENANTRY_CACHE to another one"
    return [("", f"{folder}: {message}", hint) for folder in folders]


def test_migrate(used: Fleet) -> None:
    """Files are measured, applied and proven in every tenant."""
    done = used.run("migrate", "--format", "jsonl")
    warnings = list_warnings(used, done.out)
    assert (done.code, [warning for warning in warnings if "/texts" not in warning[1]]) == (
        0,
        describe("/cache/measured", "/cache/expected", "/cache/proven"),
    )
    lost = "expected a folder that only you write to: the texts that were applied are not kept here"
    assert [warning[1] for warning in warnings if "/texts" in warning[1]] == [f"/cache/texts: file exists, {lost}"]
    assert [used.versions(name) for name in ("1", "16")] == [[0, 1], [0, 1]]
    assert used.run("verify").code == 0


@pytest.mark.parametrize(
    ("args", "code", "folders"),
    [
        (("verify",), 1, ["/cache/expected", "/cache/proven"]),
        (("adopt",), 0, ["/cache/expected"]),
        (("lint",), 0, ["/cache/measured"]),
        (("plan",), 0, ["/cache/measured"]),
        (("check",), 0, []),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_reading(used: Fleet, args: tuple[str, ...], code: int, folders: list[str]) -> None:
    """What reads ends as it would with a cache."""
    done = used.run(*args, "--format", "jsonl")
    assert (done.code, list_warnings(used, done.out)) == (code, describe(*folders))
    kept = replace(used, environment={**used.environment, "TENANTRY_CACHE": f"{used.folder}/kept"})
    assert kept.run(*args).code == code


def test_for_people(used: Fleet) -> None:
    """A person is told on stderr, in one line."""
    done = used.run("verify")
    lines = [json.loads(line)["event"] for line in done.err.splitlines()]
    ((_, message, _),) = describe(used.environment["TENANTRY_CACHE"] + "/expected")
    assert lines.count(message) == 1


def test_prune(fleet: MakeFleet) -> None:
    """What earlier runs kept is deleted, and computed again by the next one."""
    one = fleet(files=FIRST, scratch=False)
    assert one.run("migrate").code == 0
    state = one.folder / ".tenantry"
    assert {"expected", "proven", "scratch"} <= {path.name for path in state.iterdir()}
    pruned = one.run("db", "prune")
    assert (pruned.code, pruned.out.startswith("deleted ")) == (0, True)
    assert {"expected", "proven", "scratch"}.isdisjoint(path.name for path in state.iterdir())
    assert one.run("verify").code == 0
    assert (state / "scratch").exists()
