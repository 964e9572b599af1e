"""New migrations: their number, their header, and the names that none can have."""

from pathlib import Path

import pytest

from tests.unit.cli.fix_call import TENANTS_YAML, Call, Ended


def test_new(call: Call, folder: Path) -> None:
    """A new file has the next number and a header to fill in, its path is printed, and no run accepts it as it is."""
    (folder / "tenants.yaml").write_text(TENANTS_YAML)
    assert call("new", "Rates per room") == Ended(0, "migrations/tenant/0000_rates_per_room.sql\n", "")
    assert call("new", "more") == Ended(0, "migrations/tenant/0001_more.sql\n", "")
    text = (folder / "migrations" / "tenant" / "0001_more.sql").read_text()
    assert text.startswith("-- The purpose of this change, and its reason.\n")
    ended = call("plan")
    assert ended.code == 2
    assert [line for line in ended.err.splitlines() if line.startswith("error:")] == [
        f'error: migrations/tenant/{name}.sql:7:1: syntax error at or near ">>>"'
        for name in ("0000_rates_per_room", "0001_more")
    ]


@pytest.mark.parametrize("name", ["", "Ü", "a/b", "a.b", "../a"])
def test_new_name(call: Call, folder: Path, name: str) -> None:
    """A name that no migration can have is refused, and no file is made."""
    (folder / "tenants.yaml").write_text(TENANTS_YAML)
    said = f"error: NAME: {name!r} is not a migration name, expected a-z, 0-9, _ and spaces\n"
    assert call("new", name) == Ended(2, "", said)
    assert not (folder / "migrations").exists()


def test_new_without_master(call: Call, folder: Path) -> None:
    """Where there is no master there is no migration for it."""
    (folder / "tenants.yaml").write_text(TENANTS_YAML)
    said = "error: tenants.yaml: no master, expected one for its migrations\n"
    assert call("new", "a", "--set", "master") == Ended(2, "", said)
