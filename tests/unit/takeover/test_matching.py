"""Which migration a record of another tool is about: by what its header says, by its name, by its number."""

import pytest

from tenantry.model import Migration
from tenantry.takeover.matching import find_migrations
from tests.builders import migration

ROOMS = migration("0000_rooms")
RATES = migration("0001_rates")
FROM_GOOSE = migration("0007_rooms", "-- source: goose 3\nSELECT 1;\n")


def found(tool: str, ids: list[str], *migrations: Migration) -> dict[str, int]:
    """Return the version that each id is found as."""
    return {name: one.version for name, one in find_migrations(tool, ids, migrations).items()}


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        pytest.param(["0000_rooms"], {"0000_rooms": 0}, id="whole name"),
        pytest.param(["V1__rates.sql"], {"V1__rates.sql": 1}, id="flyway's number"),
        pytest.param(["1"], {"1": 1}, id="number alone"),
        pytest.param(["00001_other"], {"00001_other": 1}, id="number with zeros"),
        pytest.param(["1_a", "001_b"], {}, id="one number for two"),
        pytest.param(["0000_rooms", "0000_beds"], {"0000_rooms": 0}, id="name before number"),
        pytest.param(["1.1"], {}, id="version of two parts"),
        pytest.param(["20260303090000_rates"], {}, id="time"),
        pytest.param(["rates"], {}, id="no number"),
        pytest.param(["9_rates"], {}, id="unknown number"),
        pytest.param([], {}, id="none"),
    ],
)
def test_name_and_number(ids: list[str], expected: dict[str, int]) -> None:
    """An id is the file of its whole name, else that of its number where no other id has the same one."""
    assert found("goose", ids, ROOMS, RATES) == expected


def test_number_beyond_all_versions() -> None:
    """An id of more digits than any version has is no number, and no error."""
    assert find_migrations("sqlx", ["1" * 5000], (ROOMS,)) == {}


def test_source_wins() -> None:
    """The header that importing files wrote wins over every number."""
    assert found("goose", ["3", "7"], FROM_GOOSE) == {"3": 7}


def test_source_of_another_tool() -> None:
    """A header that names another tool says nothing about this one."""
    assert found("dbmate", ["3", "7"], FROM_GOOSE) == {"7": 7}


def test_number_beside_sources() -> None:
    """Where some files came from the tool, a number alone is not taken for the file that happens to have it."""
    assert found("goose", ["1", "3"], RATES, FROM_GOOSE) == {"3": 7}
