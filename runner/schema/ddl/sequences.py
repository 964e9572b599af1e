"""What a sequence counts, on its own or as an identity: its options, and whether it has to start again."""

from collections.abc import Iterator

from tenantry.schema.snapshot import SchemaObject

SEQUENCE_FACTS = ("increment", "minimum", "maximum", "start", "cache", "cycle")
RESTARTS = "counts from its start again, since its values are outside of the new bounds"
_BITS = {"smallint": 16, "integer": 32}


def write_sequence(sequence: SchemaObject, *, full: bool) -> Iterator[str]:
    """Yield the options of a sequence or identity; with `full` also the default ones."""
    facts = sequence.facts
    down = facts.get("increment", "1").startswith("-")
    first = facts.get("maximum", "-1") if down else facts.get("minimum", "1")
    usual = (("increment", "INCREMENT BY", "1"), ("minimum", "MINVALUE", ""), ("maximum", "MAXVALUE", ""))
    for fact, word, default in (*usual, ("start", "START WITH", first), ("cache", "CACHE", "1")):
        if fact in facts:
            yield f"{word} {facts[fact]}"
        elif full:
            yield f"{word} {default}" if default else f"NO {word}"
    if "cycle" in facts or full:
        yield "CYCLE" if "cycle" in facts else "NO CYCLE"


def has_to_restart(old: SchemaObject, new: SchemaObject) -> bool:
    """Return whether the first value of a sequence or identity is outside of its new bounds."""
    (first, *_), (_, low, high) = _read_bounds(old), _read_bounds(new)
    return not low <= first <= high


def _read_bounds(sequence: SchemaObject) -> tuple[int, int, int]:
    """Return the first value of a sequence or identity, its lowest and its highest one."""
    facts, down = sequence.facts, sequence.facts.get("increment", "1").startswith("-")
    room = 2 ** (_BITS.get(facts.get("type", ""), 64) - 1)
    low = int(facts.get("minimum", -room if down else 1))
    high = int(facts.get("maximum", -1 if down else room - 1))
    return int(facts.get("start", high if down else low)), low, high
