"""Tables and folders that are not as the tool makes them: refused, with the words for what was expected."""

import re
import secrets
from contextlib import nullcontext
from pathlib import Path

import psycopg
import pytest

from tenantry.model.errors import InputError, Refused
from tenantry.takeover.records.histories import load_history
from tests.builders import write_files
from tests.fix_postgres import MakeDatabase
from tests.integration.takeover.fix_recorded import reading, recorded


@pytest.mark.parametrize(
    ("tool", "scripts", "message"),
    [
        pytest.param(
            "flyway",
            ("CREATE TABLE public.flyway_schema_history (version text, success text)",),
            "public.flyway_schema_history: has the columns version text, success text, expected installed_rank number,"
            " version text, description text, type text, checksum number, installed_on time, success flag",
            id="flyway, other columns",
        ),
        pytest.param(
            "flyway",
            (recorded("tern"),),
            "public.schema_version: has the columns version integer, expected installed_rank number,"
            " version text, description text, type text, checksum number, installed_on time, success flag",
            id="flyway, tern's table",
        ),
        pytest.param(
            "rails",
            ("CREATE TABLE public.schema_migrations (version bigint, dirty boolean)",),
            "public.schema_migrations: has the columns version bigint, dirty boolean, expected version text",
            id="rails, golang-migrate's table",
        ),
        pytest.param(
            "rails",
            ("CREATE TABLE public.schema_migrations (version varchar(128) PRIMARY KEY)",),
            "public.schema_migrations: there is no public.ar_internal_metadata, which Rails creates with it",
            id="rails, dbmate's table",
        ),
        pytest.param(
            "rails",
            (recorded("rails"), "INSERT INTO public.schema_migrations VALUES ('head')"),
            "public.schema_migrations: version 'head', expected a number",
            id="rails, a version that is a word",
        ),
        pytest.param(
            "sqitch",
            ("CREATE SCHEMA sqitch; CREATE TABLE sqitch.changes (change_id text, change text)",),
            "sqitch.changes: has the columns change_id text, change text, expected committed_at time, change_id text,"
            " script_hash text, change text, project text",
            id="sqitch, before script_hash",
        ),
        pytest.param(
            "sqlx",
            ("CREATE TABLE public._sqlx_migrations (version bigint, checksum text)",),
            "public._sqlx_migrations: has the columns version bigint, checksum text,"
            " expected version number, installed_on time, success flag, checksum bytes",
            id="sqlx, other columns",
        ),
        pytest.param(
            "tern",
            ("CREATE TABLE public.schema_version (version text)",),
            "public.schema_version: has the columns version text, expected version number",
            id="tern, another type",
        ),
        pytest.param(
            "tern",
            (recorded("tern"), "INSERT INTO public.schema_version VALUES (3)"),
            "public.schema_version: has 2 rows, expected 1",
            id="tern, two rows",
        ),
    ],
)
def test_a_table_that_is_not_the_tools_is_refused(
    tool: str, scripts: tuple[str, ...], message: str, database: MakeDatabase
) -> None:
    """A table of the tool's name that is another's is refused, with what it has and what was expected."""
    with reading(database(), *scripts) as connection, pytest.raises(Refused) as refused:
        load_history(tool).read(connection)
    assert str(refused.value) == message


def test_a_table_that_may_not_be_read_is_refused(database: MakeDatabase) -> None:
    """Without the right to read the tool's table, the refusal says which one and what to grant."""
    role = f"role_{secrets.token_hex(5)}"
    dsn = database()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role}; SET ROLE {role}".encode())
        try:
            with psycopg.connect(dsn, autocommit=True) as owner:
                owner.execute(recorded("sqlx").encode())
            with pytest.raises(Refused) as refused:
                load_history("sqlx").read(connection)
        finally:
            connection.execute(f"RESET ROLE; DROP ROLE {role}".encode())
    assert str(refused.value) == "public._sqlx_migrations: permission denied for table _sqlx_migrations"
    assert refused.value.hint == "grant the role SELECT on it; if it has row security, connect as a role with BYPASSRLS"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "ALTER TABLE _sqlx_migrations RENAME TO was; CREATE VIEW _sqlx_migrations AS"
            " SELECT sing(version) AS version, installed_on, success, checksum FROM was",
            "public._sqlx_migrations: not a plain table, as which sqlx creates it: it is not read",
        ),
        (
            "CREATE DOMAIN number AS bigint CHECK (sing(VALUE) > 0);"
            "ALTER TABLE _sqlx_migrations ALTER version TYPE number; SELECT setval('sung', 1, false)",
            "public._sqlx_migrations: has the columns version public.number",
        ),
        (
            "UPDATE _sqlx_migrations SET installed_on = 'infinity'",
            "public._sqlx_migrations: unreadable value, expected one that sqlx writes",
        ),
        ("CREATE INDEX ON _sqlx_migrations (version) WHERE sing(1) > 0", ""),
    ],
    ids=["a view", "a domain", "infinity", "an index with a condition"],
)
def test_what_was_put_in_the_place_of_a_table_does_not_run(database: MakeDatabase, change: str, message: str) -> None:
    """Another's code in the place of a tool's table, or on it, is not run; what the tool does not write is refused."""
    sing = (
        "CREATE SEQUENCE sung; CREATE FUNCTION sing(bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS"
        " $$ BEGIN PERFORM nextval('public.sung'); RETURN $1; END $$;"
    )
    with reading(database(), recorded("sqlx"), f"{sing}{change}; SELECT setval('sung', 1, false)") as connection:
        with pytest.raises(Refused, match=re.escape(message)) if message else nullcontext():
            load_history("sqlx").read(connection)
        assert connection.execute("SELECT is_called FROM public.sung").fetchone() == (False,)


PROJECT = "%syntax-version=1.0.0\n%project=studio\n\n# Rooms first.\n"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param({}, "{folder}: no sqitch.plan, expected one next to deploy/", id="no plan"),
        pytest.param(
            {"sqitch.plan": PROJECT + "rooms yesterday\n"},
            "{folder}/sqitch.plan:5: neither a change nor a tag of Sqitch: 'rooms yesterday'",
            id="a line that is no change",
        ),
        pytest.param(
            {"sqitch.plan": PROJECT + "@v1 2026-01-05T09:00:00Z Ann <ann@studio.example>\n"},
            "{folder}/sqitch.plan:5: neither a change nor a tag of Sqitch:"
            " '@v1 2026-01-05T09:00:00Z Ann <ann@studio.example>'",
            id="a tag before any change",
        ),
        pytest.param(
            {"sqitch.plan": "rooms 2026-01-05T09:00:00Z Ann <ann@studio.example>\n"},
            "{folder}/sqitch.plan: names no project, expected a line %project=NAME",
            id="no project",
        ),
        pytest.param(
            {"sqitch.plan": b"%project=\xff\n"}, "{folder}/sqitch.plan: not UTF-8 at byte 9, expected text", id="bytes"
        ),
    ],
)
def test_a_plan_that_cannot_be_read_is_named(files: dict[str, str | bytes], message: str, tmp_path: Path) -> None:
    """A plan is read whole or is an error of the input that names the line."""
    write_files(tmp_path, files)
    with pytest.raises(InputError) as raised:
        load_history("sqitch").list_files(tmp_path)
    assert str(raised.value) == message.format(folder=tmp_path)


@pytest.mark.parametrize(
    ("tool", "files", "message"),
    [
        pytest.param(
            "tern",
            ("1_a.sql", "3_c.sql"),
            "{folder}: no migration 2, expected all from 1 to 3",
            id="tern, gap",
        ),
        pytest.param(
            "tern",
            ("01_b.sql", "1_a.sql"),
            "{folder}/1_a.sql: '1' is used twice, also by {folder}/01_b.sql",
            id="tern, twice",
        ),
        pytest.param(
            "rails",
            ("20260105_a.rb", "20260105_b.rb"),
            "{folder}/20260105_b.rb: '20260105' is used twice, also by {folder}/20260105_a.rb",
            id="rails, twice",
        ),
        pytest.param(
            "sqlx",
            ("rooms_a.sql",),
            "{folder}/rooms_a.sql: 'rooms' is not a version, expected NUMBER_name.sql",
            id="sqlx",
        ),
        pytest.param(
            "flyway",
            ("V01__a.sql", "V1_0__b.sql"),
            "{folder}/V1_0__b.sql: '1' is used twice, also by {folder}/V01__a.sql",
            id="flyway, twice in two spellings",
        ),
    ],
)
def test_a_folder_that_the_tool_would_refuse_is_named(
    tool: str, files: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    """Versions that are missing, used twice or no numbers are an error of the input, as they are to the tool."""
    write_files(tmp_path, dict.fromkeys(files, ""))
    with pytest.raises(InputError) as raised:
        load_history(tool).list_files(tmp_path)
    assert str(raised.value) == message.format(folder=tmp_path)
