"""The messages of a batch: how it is ordered, and what a worker tells of it. JSON, and no secret in it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tenantry.fleet.brake import Budget
from tenantry.fleet.turns import Turn
from tenantry.model import Tenant
from tenantry.model.codec import decode, decode_event, encode, encode_event
from tenantry.model.events import Event, Verdict
from tenantry.model.masking import mask


@dataclass(frozen=True, slots=True)
class TenantBatch:
    """Tenants of one server, as pairs of name and database, that one worker takes together, `jobs` at a time.

    `share` is how many batches of that server are worked on at once, which divide its connections among them. `again`:
    a worker that is dead, or told to end, may have begun them already.
    """

    tenants: tuple[tuple[str, ...], ...]
    jobs: int
    budget: Budget
    share: int = 1
    again: bool = False


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a worker could not begin a batch; with a `trace`, tenantry is at fault.

    `passing`: it concerns that worker alone, and another one may take the batch.
    """

    worker: str
    reason: str
    hint: str = ""
    trace: str = ""
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Returned:
    """Tenants of a batch that its worker has not begun, and leaves to others, since those before them take long."""

    tenants: tuple[str, ...]


def make_batch(
    tenants: Sequence[Tenant], jobs: int, budget: Budget, *, share: int = 1, again: bool = False
) -> TenantBatch:
    """Return the batch of some tenants."""
    return TenantBatch(tuple((tenant.name, tenant.database) for tenant in tenants), jobs, budget, share, again)


def encode_batch(batch: TenantBatch) -> dict[str, Any]:
    """Return a batch as JSON."""
    written: dict[str, Any] = encode(batch)
    return written


def decode_batch(content: Mapping[str, Any]) -> TenantBatch:
    """Return the batch that `encode_batch` wrote. Raises ValueError."""
    batch: TenantBatch = decode(TenantBatch, content)
    return batch


def encode_message(told: Event | Turn | Trouble | Returned) -> dict[str, Any]:
    """Return what a worker tells as JSON."""
    match told:
        case Turn(tenant, verdict, elapsed_ms, reached):
            given = {"verdict": encode(verdict), "told": [encode_event(mask(event)) for event in verdict.told]}
            return {"turn": tenant.name, **given, "elapsed_ms": elapsed_ms, "reached": reached}
        case Trouble():
            return {"trouble": encode(told)}
        case Returned(tenants):
            return {"returned": list(tenants)}
        case _:
            return encode_event(mask(told))


def decode_message(message: Mapping[str, Any], tenants: Mapping[str, Tenant]) -> Event | Turn | Trouble | Returned:
    """Return what `encode_message` wrote. Raises ValueError, and KeyError for a tenant that is unknown."""
    if "trouble" in message:
        trouble: Trouble = decode(Trouble, message["trouble"])
        return trouble
    if "returned" in message:
        return Returned(tuple(message["returned"]))
    if "turn" not in message:
        return decode_event(message)
    verdict: Verdict = decode(Verdict, message["verdict"])
    told = tuple(decode_event(event) for event in message["told"])
    verdict = Verdict(verdict.result, verdict.reason, verdict.hint, verdict.trace, verdict.standing, told)
    return Turn(tenants[message["turn"]], verdict, message["elapsed_ms"], message["reached"])
