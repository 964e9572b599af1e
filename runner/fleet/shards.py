"""The part of a selection that one of several machines works on: `3/10` is the third of ten. Pure.

A tenant's shard depends on nothing but its id, so machines that share a fleet need not talk to each other.
"""

import hashlib
import re
from dataclasses import dataclass

EXPECTED_SHARD = "a number from 1 up to the number of shards, such as 3/10"
_SHARD = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `of` parts, the `number` of which counts from 1."""

    number: int
    of: int

    def has(self, name: str) -> bool:
        """Return whether a tenant is in this part, by its id."""
        return int.from_bytes(rank(name)) % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def parse_shard(text: str) -> Shard | None:
    """Return a text such as 3/10 as a shard, None if it is none."""
    found = _SHARD.fullmatch(text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        return None
    return Shard(int(found[1]), int(found[2]))


def rank(name: str) -> bytes:
    """Return a tenant's place in every sample: it depends on nothing but its id, so a larger sample has the smaller."""
    return hashlib.sha256(f"tenantry sample {name}".encode()).digest()
