"""Names and versions of files: each file of SQL is a migration or an error."""

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.files.directory import read_migrations
from tests.builders import unhurried, write_files
from tests.unit.files.fix_folder import NAME, OK, SHOWN, read, refuse

NEXT_NUMBER = "give the next free number to the file that no database has yet"
NAMES = (
    "0007-Rates.sql",
    "rates.sql",
    "0001.sql",
    "0001_.sql",
    "_rates.sql",
    "0001_rates.SQL",
    "0001_Rates.sql",
    "0001_room rates.sql",
    "0001_é.sql",
    ".0001_rates.sql",
    "-1_rates.sql",
    "V1__rates.sql",
    "\u0661_rates.sql",
    "0001_rates.up.sql",
    "0001_rates.ROLLBACK.sql",
)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_name(tmp_path: Path, name: str) -> None:
    """A file that is named like SQL but not like a migration is an error, not skipped."""
    write_files(tmp_path, {"0001_a.sql": OK, name: OK})
    assert refuse(tmp_path) == [f"{SHOWN}/{name}: {NAME}"]


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), max_size=20)
numbers = st.text("0123456789", min_size=1, max_size=3) | st.text("0+ \u0661", max_size=2)
nearly = st.builds(
    "{}{}{}".format, numbers, st.sampled_from("__- "), st.text("a_0", max_size=4) | st.text("aZ_0é.-", max_size=4)
)


@unhurried
@given((names | nearly).map(lambda name: name[:30]), st.sampled_from([".sql", ".SQL", ".Sql"]))
def test_any_name(stem: str, suffix: str) -> None:
    """Whatever the name, a file of SQL is either read or named in an error."""
    name = stem + suffix
    good = bool(re.fullmatch(r"[0-9]+_[a-z0-9_]+\.sql", name))
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder), {name: OK})
        if good:
            (found,) = read_migrations(Path(folder), SHOWN).migrations
            assert (found.path, str(found.version)) == (f"{SHOWN}/{name}", stem.partition("_")[0].lstrip("0") or "0")
        elif name.endswith(".rollback.sql"):
            assert "next to it" in refuse(Path(folder))[0]
        else:
            assert refuse(Path(folder)) == [f"{SHOWN}/{name}: {NAME}"]


@unhurried
@given(st.sets(st.integers(0, 2**63 - 1), min_size=1, max_size=6), st.data())
def test_any_versions(versions: set[int], data: st.DataObject) -> None:
    """Every version that fits the ledger is read, in ascending order, with any number of zeros before it."""
    zeros = data.draw(st.lists(st.integers(0, 5), min_size=len(versions), max_size=len(versions)))
    files = {f"{'0' * more}{version}_a.sql": OK for version, more in zip(versions, zeros, strict=True)}
    with tempfile.TemporaryDirectory() as folder:
        assert [file.version for file in read(Path(folder), files).migrations] == sorted(versions)


def test_too_large(tmp_path: Path) -> None:
    """A version that the ledger cannot hold is an error."""
    write_files(tmp_path, {f"{2**63}_a.sql": OK})
    assert refuse(tmp_path) == [
        f"{SHOWN}/9223372036854775808_a.sql: version 9223372036854775808 is too large, expected at most "
        "9223372036854775807"
    ]


def test_one_version_twice(tmp_path: Path) -> None:
    """Two files of one version are an error, however the version is written."""
    write_files(tmp_path, dict.fromkeys(("1_a.sql", "0001_b.sql", "0002_c.sql"), OK))
    assert refuse(tmp_path) == [f"{SHOWN}: version 1 is used twice: 0001_b.sql, 1_a.sql | {NEXT_NUMBER}"]


def test_one_version_three_times(tmp_path: Path) -> None:
    """All files that share a version are named."""
    write_files(tmp_path, dict.fromkeys(("0012_rates.sql", "0012_rooms.sql", "012_a.sql"), OK))
    assert refuse(tmp_path) == [
        f"{SHOWN}: version 12 is used 3 times: 0012_rates.sql, 0012_rooms.sql, 012_a.sql | {NEXT_NUMBER}"
    ]
