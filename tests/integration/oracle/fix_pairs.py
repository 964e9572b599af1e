"""The pairs of schemas below tests/data/ddl, and the faults of one of them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.integration.oracle.round_trip import Fault, Oracle, compare_sides, try_draft
from tests.places import DATA


class Pair(NamedTuple):
    """What is in both databases, what is in the one, and what is in the other."""

    both: str
    before: str
    after: str


def read_pairs(*files: str) -> dict[str, Pair]:
    """Return the pairs of some files by their names."""
    return {name: pair for file in files for name, pair in _read_file(DATA / "ddl" / file)}


def _read_file(path: Path) -> Iterator[tuple[str, Pair]]:
    for part in path.read_text("utf-8").split("-- pair: ")[1:]:
        name, _, rest = part.partition("\n")
        sections = re.split(r"^-- (both|before|after)$", rest, flags=re.MULTILINE)
        by_name = dict(zip(sections[1::2], sections[2::2], strict=True))
        yield name, Pair(by_name.get("both", ""), by_name["before"], by_name["after"])


def find_faults(oracle: Oracle, pair: Pair, *, sample: int = 0) -> list[Fault]:
    """Return the faults of a pair: of what is told of it, and of the drafts both ways."""
    with oracle.lend() as first, oracle.lend() as second:
        for name, text in ((first, pair.before), (second, pair.after)):
            with oracle.connect(name) as connection:
                connection.execute(f"{pair.both}\n{text}".encode())
        before, after = oracle.read(first), oracle.read(second)
        return [
            *compare_sides(before, after),
            *try_draft(oracle, before, after, sample=sample),
            *try_draft(oracle, after, before, sample=sample),
        ]


def show(faults: list[Fault]) -> str:
    """Return faults as text; empty if there are none."""
    return "\n\n".join(f"{fault.kind}\n{fault.text}" for fault in faults)
