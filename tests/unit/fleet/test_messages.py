"""Messages between a run and its workers: what is written is read back, and holds no secret."""

import json

import pytest

from tenantry.fleet.brake import Brake, Budget, make_brake
from tenantry.fleet.turns import Turn
from tenantry.fleet.workers.messages import (
    Returned,
    Trouble,
    decode_batch,
    decode_message,
    encode_batch,
    encode_message,
    make_batch,
)
from tenantry.model import Migration, Server, SetName, Tenant
from tenantry.model.events import Event, MigrationFailed, TenantStarted, Verdict
from tenantry.model.results import Failure, Result, Standing
from tenantry.model.rollout import BY_LIMIT, Bounds, Limit, Stage

TENANTS = tuple(
    Tenant(name, SetName.TENANT, Server("eu", "host=db password=hidden"), f"studio_{name}") for name in ("1", "2", "3")
)
FILE = Migration(1, "rooms", "migrations/0001_rooms.sql", "sha256:1", "SELECT 1", "SELECT 1")
FAILED = MigrationFailed("1", FILE, Failure("no \x00 such table", "42P01", line=3))


def test_a_batch_is_read_back() -> None:
    """A batch has names and databases of its tenants, and no connection string."""
    batch = make_batch(TENANTS, 4, Budget(0, None, 3, verified=True), again=True)
    text = json.dumps(encode_batch(batch))
    assert decode_batch(json.loads(text)) == batch
    assert "hidden" not in text


@pytest.mark.parametrize(
    "told",
    [
        TenantStarted("1"),
        Turn(TENANTS[0], Verdict(Result.UNREACHABLE, "gone", "wait"), 12, reached=False),
        Turn(TENANTS[1], Verdict(Result.REFUSED, "no", standing=Standing.NO_DATABASE), 0),
        Trouble("host:1", "other files", "start it again", passing=True),
        Returned(("2", "3")),
    ],
)
def test_a_message_is_read_back(told: Event | Turn | Trouble | Returned) -> None:
    """Events, ends of turns and troubles come out as they went in."""
    text = json.dumps(encode_message(told))
    assert decode_message(json.loads(text), {tenant.name: tenant for tenant in TENANTS}) == told
    assert "hidden" not in text


def test_a_turn_keeps_what_it_told() -> None:
    """The failures that a verdict tells, which may be kept for a second turn, cross as well."""
    turn = Turn(TENANTS[0], Verdict(Result.BLOCKED, "locked", told=(FAILED,)), 5)
    read = decode_message(json.loads(json.dumps(encode_message(turn))), {"1": TENANTS[0]})
    assert isinstance(read, Turn)
    (told,) = read.verdict.told
    assert isinstance(told, MigrationFailed)
    assert told.failure == FAILED.failure
    assert told.migration == FILE


def test_values_of_rows_stay_with_the_worker() -> None:
    """The control database gets no value of a row, be it in an event or in what a verdict tells."""
    refused = MigrationFailed(
        "1", FILE, Failure("twice", "23505", detail="Key (email)=(ana@example.org) is duplicated.")
    )
    turn = Turn(TENANTS[0], Verdict(Result.BLOCKED, "locked", told=(refused,)), 5)
    for told in (refused, turn):
        text = json.dumps(encode_message(told))
        assert ("ana@example.org" in text, "Key (email)=(...) is duplicated." in text) == (False, True)


def test_a_budget_is_what_is_left_of_the_limits() -> None:
    """A worker's brake stops after as many failures as the stage and the run still allow."""
    brake = Brake(Bounds(Limit(2), same=3), 10)
    brake.enter(Stage(TENANTS, "canary", Limit(1), verified=True))
    assert brake.share() == Budget(1, 2, 3, verified=True)
    brake.finish("1", Verdict(Result.FINDING), 1)
    assert brake.share() == Budget(0, 1, 3, verified=True)
    part = make_brake(brake.share(), TENANTS)
    assert part.refuse() == ""
    part.finish("2", Verdict(Result.FAILED), 1)
    assert part.refuse() != ""


def test_a_brake_settles_without_ending_the_run() -> None:
    """Whether nobody may start is asked without saying that somebody was kept from it."""
    brake = Brake(Bounds(Limit(0)), 2)
    assert brake.settle() is None
    brake.finish("1", Verdict(Result.FAILED), 1)
    assert brake.settle() == (BY_LIMIT, "1 of 2 tenants failed, max-failures: 0 allows 0")
    assert brake.by == ""
    assert brake.refuse() != ""
    assert brake.by == BY_LIMIT


def test_a_missed_deadline_stays_missed() -> None:
    """A deadline that was out of reach once is not in reach again, however quick the others are."""
    brake = Brake(Bounds(deadline_s=0), 2)
    assert brake.settle() == brake.settle() != None  # noqa: E711  # both, and neither is None
