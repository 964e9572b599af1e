"""Rare kinds of objects: how a draft writes them, and that no secret of theirs is given away."""

import pytest

from tenantry.model.scope import Scope
from tenantry.postgres.sessions import Connection
from tenantry.schema.catalog.read import read_snapshot
from tenantry.schema.ddl.write import write_ddl
from tenantry.schema.differences import compare_schemas, explain
from tenantry.schema.snapshot import to_json
from tests.fix_postgres import each_major
from tests.integration.fix_catalog import find, fresh_database, plant, planted
from tests.integration.schema.differences.rare import CASES, SERVER, SUBSCRIPTION

LOCALES = {
    "server_dsn": planted(
        "CREATE COLLATION sorted (PROVIDER = builtin, LOCALE = 'C')",
        "DROP COLLATION sorted; CREATE COLLATION sorted (PROVIDER = builtin, LOCALE = 'C.UTF-8')",
        "collation sorted: locale C.UTF-8, expected C",
    ),
    "system_dsn": planted(
        "CREATE COLLATION sorted (PROVIDER = icu, LOCALE = 'und')",
        "DROP COLLATION sorted; CREATE COLLATION sorted (PROVIDER = icu, LOCALE = 'de', DETERMINISTIC = false)",
        "collation sorted: deterministic no, expected yes",
        "collation sorted: locale de, expected und",
    ),
}


@pytest.mark.parametrize("server", each_major(*LOCALES))
def test_locales(request: pytest.FixtureRequest, server: str) -> None:
    """The locale of a collation that is not libc's is found, and a draft makes it the same again."""
    with fresh_database(request.getfixturevalue(server)) as connection:
        assert find(connection, LOCALES[server]) == LOCALES[server].lines
        missing = planted(LOCALES[server].change.partition(";")[2], "DROP COLLATION sorted")
        with plant(connection, missing) as (expected, found, _):
            for draft in write_ddl(expected, found):
                connection.execute(draft.sql)
            assert read_snapshot(connection, Scope()) == expected


# Of the others, something is named as not written.
WRITTEN = {
    "cast missing",
    "cast otherwise",
    "collation missing",
    "foreign data wrapper",
    "operator",
    "operator class missing",
    "operator's owner and comment",
    "server",
    "server missing",
    "text search configuration",
}


@pytest.mark.parametrize("name", CASES, ids=[name.replace(" ", "-") for name in CASES])
def test_drafts_claim_nothing(opened: Connection, name: str) -> None:
    """A draft runs, and names as not written whatever differs after it."""
    with plant(opened, CASES[name]) as (expected, found, role):
        drafts = write_ddl(expected, found)
        for draft in drafts:
            if draft.sql:
                opened.execute(draft.sql.replace("rt_other", role))
        left = compare_schemas(expected, read_snapshot(opened, Scope(roles=((role, "rt_other"),))))
        unwritten = [draft.note for draft in drafts if not draft.sql]
    named = [one for one in left if any(note.startswith(f"{one.kind} {one.name}: ") for note in unwritten)]
    assert [explain(one) for one in left if one not in named] == []
    assert (not left, not unwritten) == (name in WRITTEN, name in WRITTEN)


NAMED = {
    "privileges that are given back": (
        ("GRANT SELECT ON pg_tables TO PUBLIC", "REVOKE SELECT ON pg_tables FROM PUBLIC"),
        "privileges TABLE pg_tables: GRANT to PUBLIC the privileges that the server or extension gives it",
    ),
    "a column of two parents": (
        (
            "CREATE TABLE one (n integer); CREATE TABLE two (n integer); CREATE TABLE shared () INHERITS (one, two)",
            "DROP TABLE shared, one, two; CREATE TABLE one (n bigint); CREATE TABLE two (n bigint); "
            "CREATE TABLE shared () INHERITS (one, two)",
        ),
        "column public.one.n: type integer: a child has the column from other parents too",
    ),
}


@pytest.mark.parametrize("case", NAMED)
def test_named(opened: Connection, case: str) -> None:
    """A change that no statement makes is named."""
    (before, after), note = NAMED[case]
    with plant(opened, planted(before, after)) as (expected, found, _):
        assert note in [draft.note for draft in write_ddl(expected, found) if not draft.sql]


def test_lost(opened: Connection) -> None:
    """Privileges on a built-in object that files take away are revoked by a draft."""
    with plant(opened, planted("SELECT 1", "REVOKE USAGE ON SCHEMA pg_catalog FROM PUBLIC")) as (expected, found, _):
        assert [draft.sql for draft in write_ddl(found, expected)] == ["REVOKE ALL ON SCHEMA pg_catalog FROM PUBLIC"]


def test_secrets(opened: Connection) -> None:
    """What may be a secret is in no snapshot: options, an application's settings, and connection strings."""
    secrets = f"""
        {SERVER}; ALTER SERVER here OPTIONS (api_key 'swordfish');
        CREATE USER MAPPING FOR PUBLIC SERVER here OPTIONS (user 'swordfish', password 'swordfish');
        ALTER DATABASE rt_here SET app.key = 'swordfish';
        {SUBSCRIPTION}
    """
    with plant(opened, planted("", secrets)) as (_, found, _):
        assert {"server", "user mapping", "setting", "subscription"} < {kind for kind, _ in found.objects}
        assert "swordfish" not in to_json(found)


def test_options_of_others(opened: Connection) -> None:
    """Options of a user mapping that the connected role may not read are said to be that, not to be none."""
    mapping = f"""
        {SERVER}; CREATE USER MAPPING FOR PUBLIC SERVER here OPTIONS (password 'x');
        CREATE USER MAPPING FOR rt_other SERVER here OPTIONS (password 'x');
        GRANT USAGE ON FOREIGN SERVER here TO rt_other
    """
    with plant(opened, planted(mapping, "SET LOCAL ROLE rt_other")) as (_, found, _):
        mappings = {name: facts.facts for (kind, name), facts in found.objects.items() if kind == "user mapping"}
    assert mappings == {
        "FOR PUBLIC SERVER here": {"options": "not readable for the connected role"},
        "FOR CURRENT_USER SERVER here": {"options": "password=sha256:c39c"},
    }
