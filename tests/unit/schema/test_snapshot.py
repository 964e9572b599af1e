"""A snapshot as text: what was kept is what is read, and what is not a snapshot is none."""

import json

import pytest

from tenantry.schema.snapshot import FORMAT, ObjectKey, SchemaObject, Snapshot, from_json, to_json

COLUMN = SchemaObject("column", 'public.t."Größe"', {"type": "text", "not null": "yes"}, "public.t", 3)
TABLE = SchemaObject("table", "public.t", {})
OBJECTS: dict[ObjectKey, SchemaObject] = {TABLE.key: TABLE, COLUMN.key: COLUMN}
SNAPSHOT = Snapshot("0f" * 32, OBJECTS)


def test_round_trip() -> None:
    """What was written is read as it was, the place of a column too."""
    read = from_json(to_json(SNAPSHOT))
    assert read == SNAPSHOT
    assert read is not None
    assert read.objects[COLUMN.key].position == 3


def test_empty() -> None:
    """A database without objects is a snapshot as well."""
    assert from_json(to_json(Snapshot("", {}))) == Snapshot("", {})


def test_position_is_not_compared() -> None:
    """A column in another place is the same column."""
    assert SchemaObject("column", "a.b", {}, "a", 1) == SchemaObject("column", "a.b", {}, "a", 2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        json.dumps({"format": FORMAT}),
        json.dumps({"format": FORMAT + 1, "fingerprint": "", "objects": []}),
        json.dumps({"format": FORMAT, "fingerprint": "", "objects": [{"kind": "table"}]}),
        json.dumps({"format": FORMAT, "fingerprint": "", "objects": [{"of": "another version"}]}),
        to_json(SNAPSHOT)[:-5],
    ],
    ids=["empty", "torn", "list", "null", "no format", "no objects", "newer", "no name", "other parts", "cut off"],
)
def test_no_snapshot(text: str) -> None:
    """Text that is no snapshot of this format is none, and no error."""
    assert from_json(text) is None
