"""Columns that tenants.yaml expects: how they may be written, and what is said of a schema without them."""

import re

import pytest

from tenantry.config.expected_columns import EXPECTED_PATTERN, ExpectedColumn, parse_expected
from tenantry.proof.columns import find_unexpected
from tenantry.schema.snapshot import SchemaObject, Snapshot

GOOD = {
    "column alone": ("a.b", ExpectedColumn("public.a.b", "", not_null=False)),
    "with its schema": ("s.a.b text", ExpectedColumn("s.a.b", "text", not_null=False)),
    "not null alone": ("a.b not null", ExpectedColumn("public.a.b", "", not_null=True)),
    "type and not null": ("a.b bigint not null", ExpectedColumn("public.a.b", "bigint", not_null=True)),
    "spaces": ("a.b   numeric( 10, 2)   not null ", ExpectedColumn("public.a.b", "numeric(10,2)", not_null=True)),
    "signs in names": ("_a1.b_$2 text", ExpectedColumn("public._a1.b_$2", "text", not_null=False)),
    "words like not null": ("note.nullable text", ExpectedColumn("public.note.nullable", "text", not_null=False)),
}
# What may be written, and what the server's format_type says.
TYPES = {
    "bool": "boolean",
    "char": "character(1)",
    "char(3)": "character(3)",
    "bit": "bit(1)",
    "bit varying(4)": "bit varying(4)",
    "decimal(10, 2)": "numeric(10,2)",
    "double  precision": "double precision",
    "float8": "double precision",
    "int": "integer",
    "int4[]": "integer[]",
    "int8": "bigint",
    "mood": "mood",
    "numeric": "numeric",
    "numeric(8)": "numeric(8,0)",
    "numeric(10,2)[]": "numeric(10,2)[]",
    "text []": "text[]",
    "time": "time without time zone",
    "timestamp": "timestamp without time zone",
    "timestamp(3)": "timestamp(3) without time zone",
    "timestamp (3) with time zone": "timestamp(3) with time zone",
    "timestamp with time zone": "timestamp with time zone",
    "timestamptz": "timestamp with time zone",
    "timestamptz(0)[]": "timestamp(0) with time zone[]",
    "timetz": "time with time zone",
    "varchar": "character varying",
    "varchar(80)": "character varying(80)",
}


@pytest.mark.parametrize(("line", "column"), GOOD.values(), ids=GOOD)
def test_line(line: str, column: ExpectedColumn) -> None:
    """A line is a column, perhaps with its schema, and then type and not null where they matter."""
    assert re.search(EXPECTED_PATTERN, line)
    assert parse_expected(line) == column


@pytest.mark.parametrize(("written", "type_name"), TYPES.items(), ids=TYPES)
def test_type(written: str, type_name: str) -> None:
    """A type may be written as people write it, and is compared as the server spells it."""
    line = f"a.b {written} not null"
    assert re.search(EXPECTED_PATTERN, line)
    assert parse_expected(line) == ExpectedColumn("public.a.b", type_name, not_null=True)


@pytest.mark.parametrize("line", ["", "a", "a.", ".b", "a b", "A.b", 'a."b"', "a.b.c.d", "a.b NOT NULL"])
def test_no_line(line: str) -> None:
    """What is no column is not taken for one."""
    assert not re.search(EXPECTED_PATTERN, line)


def make_snapshot(**facts: str) -> Snapshot:
    """Return a schema of one column, `rooms.fee`."""
    column = SchemaObject("column", "public.rooms.fee", facts, "public.rooms")
    return Snapshot("", {column.key: column})


SAID = {
    "as expected": ("rooms.fee numeric(10,2) not null", {"type": "numeric(10,2)", "not null": "yes"}, []),
    "any type": ("rooms.fee", {"type": "text"}, []),
    "more than expected": ("rooms.fee text", {"type": "text", "not null": "yes"}, []),
    "an enum of ours": ("rooms.fee mood", {"type": "public.mood"}, []),
    "missing": ("rooms.price int", {"type": "text"}, ["rooms.price: missing, expected integer"]),
    "missing, any type": ("rooms.price", {"type": "text"}, ["rooms.price: missing, expected a column"]),
    "in another schema": ("x.rooms.fee", {"type": "text"}, ["x.rooms.fee: missing, expected a column"]),
    "another type": (
        "rooms.fee numeric(10,2)",
        {"type": "numeric(10,1)"},
        ["rooms.fee: type numeric(10,1), expected numeric(10,2)"],
    ),
    "null": ("rooms.fee text not null", {"type": "text"}, ["rooms.fee: may be null, expected not null"]),
    "both": (
        "rooms.fee text not null",
        {"type": "integer"},
        ["rooms.fee: type integer, expected text", "rooms.fee: may be null, expected not null"],
    ),
}


@pytest.mark.parametrize(("line", "facts", "said"), SAID.values(), ids=SAID)
def test_unexpected(line: str, facts: dict[str, str], said: list[str]) -> None:
    """A column that is missing, of another type or nullable is named, with what was expected."""
    assert find_unexpected((parse_expected(line),), make_snapshot(**facts)) == said
