"""What is Flyway's own: its checksum, its versions, its baselines, and its older table."""

from pathlib import Path

import pytest

from tenantry.takeover.records.histories import SourceFile, load_history
from tests.builders import write_files
from tests.fix_postgres import MakeDatabase
from tests.integration.takeover.fix_other_tools import CLAIMS, RECORDS
from tests.integration.takeover.fix_recorded import copy_folder, judge, list_relative, reading, recorded


@pytest.mark.parametrize(
    ("text", "checksum"),
    [
        pytest.param("CREATE TABLE rooms (id int);\n", "-2019916005", id="LF"),
        pytest.param("CREATE TABLE rooms (id int);\r\n", "-2019916005", id="CRLF"),
        pytest.param("CREATE TABLE rooms (id int);\r", "-2019916005", id="CR"),
        pytest.param("CREATE TABLE rooms (id int);", "-2019916005", id="no line end"),
        pytest.param("\ufeffCREATE TABLE rooms (id int);", "-2019916005", id="BOM"),
        pytest.param("\ufeffCREATE TABLE sessions (\r\n  id int\r\n);\r\n", "1560785125", id="BOM and CRLF"),
        pytest.param(
            "-- Größe \u2028 one line\n\nALTER TABLE rooms ADD name text;", "1789116142", id="a separator that is none"
        ),
        pytest.param("", "0", id="empty"),
    ],
)
def test_flyways_checksum_is_that_of_javas_lines(text: str, checksum: str, tmp_path: Path) -> None:
    """The checksum is the CRC-32 that Java computes over the lines as its readers split them, signed."""
    folder = write_files(tmp_path, {"V1__rooms.sql": text})
    assert load_history("flyway").list_files(folder)[0].checksum == checksum


def test_flyway_before_version_5_is_read(database: MakeDatabase) -> None:
    """The table schema_version has the same rows; the newer one counts where both are there."""
    old = recorded("flyway").replace("flyway_schema_history", "schema_version")
    with reading(database(), old) as connection:
        assert list(load_history("flyway").read(connection) or ()) == RECORDS["flyway"]
    with reading(database(), old, recorded("flyway"), "DELETE FROM public.flyway_schema_history") as connection:
        assert load_history("flyway").read(connection) == ()


def test_flyways_versions_are_numbers(database: MakeDatabase, tmp_path: Path) -> None:
    """A file that was renamed from V2 to V002_0 is still that of version 2."""
    folder = copy_folder("flyway/migrations", tmp_path)
    (folder / "later" / "V2__names.sql").rename(folder / "V002_0__names.sql")
    with reading(database(), recorded("flyway")) as connection:
        claims = judge("flyway", connection, folder)
    assert claims == [("002.0" if name == "2" else name, *rest) for name, *rest in CLAIMS["flyway"]]


def test_a_baseline_file_of_flyway_is_a_migration(database: MakeDatabase, tmp_path: Path) -> None:
    """A B file that was applied is a record of its own, beside the version that has its number."""
    folder = write_files(tmp_path, {"B2__all.sql": "SELECT 1;\n", "V2__names.sql": "SELECT 2;\n"})
    row = "(1, '2', 'all', 'SQL_BASELINE', 'B2__all.sql', NULL, 'ann', now(), 1, true)"
    insert = f"DELETE FROM public.flyway_schema_history; INSERT INTO public.flyway_schema_history VALUES {row}"
    with reading(database(), recorded("flyway"), insert) as connection:
        claims = judge("flyway", connection, folder)
    assert claims == [("2", "file without row", ""), ("B2", "cannot verify", "")]


def test_a_file_in_another_encoding_cannot_be_verified(tmp_path: Path) -> None:
    """Flyway hashes decoded text: of a file that is not UTF-8 no checksum is made up."""
    folder = write_files(tmp_path, {"V1__rooms.sql": "-- Größe\n".encode("latin-1")})
    note = "not UTF-8: its checksum cannot be computed"
    assert list_relative("flyway", folder) == [SourceFile("1", "V1__rooms.sql", note=note)]
