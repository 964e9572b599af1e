"""Planted differences of the kinds of objects that few databases have: each is seen and named, none is given away."""

from collections.abc import Iterator

import pytest

from tenantry.model.scope import Scope
from tenantry.postgres.sessions import Connection
from tenantry.schema.catalog.read import read_snapshot
from tenantry.schema.ddl.write import write_ddl
from tenantry.schema.differences import compare_schemas, explain
from tenantry.schema.snapshot import to_json
from tests.integration.fix_catalog import Planted, find, fresh_database, plant, planted

SERVER = "CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER here FOREIGN DATA WRAPPER nowhere"
SAME = "CREATE FUNCTION same(a integer, b integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT a = b'"
OPERATOR = f"{SAME}; CREATE OPERATOR === (FUNCTION = same, LEFTARG = integer, RIGHTARG = integer)"
OPERATOR_CLASS = (
    "CREATE OPERATOR CLASS same_ops FOR TYPE integer USING hash AS OPERATOR 1 =, FUNCTION 1 hashint4(integer)"
)
DICTIONARY = "CREATE TEXT SEARCH DICTIONARY plain (TEMPLATE = simple)"
PARSER = (
    "CREATE TEXT SEARCH PARSER letters "
    "(START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype"
)
TEMPLATE = "CREATE TEXT SEARCH TEMPLATE bare (LEXIZE = dsimple_lexize"
TRANSFORM = "CREATE TRANSFORM FOR integer LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal)"
SUBSCRIPTION = (
    "CREATE SUBSCRIPTION inbox CONNECTION 'host=nowhere password=swordfish' PUBLICATION feed "
    "WITH (connect = false, slot_name = 'one')"
)

CASES = {
    "cast missing": planted(
        "CREATE CAST (text AS json) WITH INOUT", "DROP CAST (text AS json)", "cast (text AS json): missing"
    ),
    "cast otherwise": planted(
        "CREATE FUNCTION to_flag(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'; "
        "CREATE CAST (text AS boolean) WITH INOUT",
        "DROP CAST (text AS boolean); CREATE CAST (text AS boolean) WITH FUNCTION to_flag(text) AS ASSIGNMENT",
        "cast (text AS boolean): context assignment, expected explicit",
        "cast (text AS boolean): function public.to_flag(text), expected none",
        "cast (text AS boolean): method none, expected inout",
    ),
    "operator": planted(
        OPERATOR,
        "ALTER OPERATOR === (integer, integer) SET (RESTRICT = eqsel, JOIN = eqjoinsel)",
        "operator ===(integer,integer): join eqjoinsel, expected none",
        "operator ===(integer,integer): restrict eqsel, expected none",
    ),
    "operator's function": planted(
        OPERATOR,
        "DROP OPERATOR === (integer, integer); CREATE OPERATOR === "
        "(FUNCTION = int4eq, LEFTARG = integer, RIGHTARG = integer, COMMUTATOR = ===, NEGATOR = !==, HASHES, MERGES)",
        "operator !==(integer,integer): extra",
        "operator ===(integer,integer): commutator public.===(integer,integer), expected none",
        "operator ===(integer,integer): function int4eq, expected public.same",
        "operator ===(integer,integer): hashes yes, expected none",
        "operator ===(integer,integer): merges yes, expected none",
        "operator ===(integer,integer): negator public.!==(integer,integer), expected none",
    ),
    "operator's owner and comment": planted(
        OPERATOR,
        "ALTER OPERATOR === (integer, integer) OWNER TO rt_other; COMMENT ON OPERATOR === (integer, integer) IS 'x'",
        "operator ===(integer,integer): owner rt_other, expected the connected role",
        "comment on operator ===(integer,integer): extra",
    ),
    "operator class": planted(
        OPERATOR_CLASS,
        f"DROP OPERATOR FAMILY same_ops USING hash; {OPERATOR_CLASS}, FUNCTION 2 hashint4extended(integer, bigint)",
        "operator class same_ops USING hash: functions 1 (integer, integer) hashint4(integer), "
        "2 (integer, integer) hashint4extended(integer,bigint), expected 1 (integer, integer) hashint4(integer)",
    ),
    "operator class missing": planted(
        OPERATOR_CLASS,
        "DROP OPERATOR FAMILY same_ops USING hash",
        "operator family same_ops USING hash: missing",
        "operator class same_ops USING hash: missing",
    ),
    "operator family": planted(
        "CREATE OPERATOR FAMILY numbers USING btree",
        "ALTER OPERATOR FAMILY numbers USING btree "
        "ADD OPERATOR 1 < (integer, bigint), FUNCTION 1 btint48cmp(integer, bigint)",
        "operator family numbers USING btree: functions 1 (integer, bigint) btint48cmp(integer,bigint), expected none",
        "operator family numbers USING btree: operators 1 <(integer,bigint), expected none",
    ),
    "collation": planted(
        "CREATE COLLATION sorted (LOCALE = 'C')",
        "DROP COLLATION sorted; CREATE COLLATION sorted (LC_COLLATE = 'C', LC_CTYPE = 'POSIX')",
        "collation sorted: lc_ctype POSIX, expected C",
    ),
    "collation missing": planted(
        "CREATE COLLATION sorted (LOCALE = 'C'); COMMENT ON COLLATION sorted IS 'x'; "
        "ALTER COLLATION sorted OWNER TO rt_other",
        "DROP COLLATION sorted",
        "collation sorted: missing",
    ),
    "conversion": planted(
        "CREATE CONVERSION narrow FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1",
        "DROP CONVERSION narrow; CREATE DEFAULT CONVERSION narrow FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8",
        "conversion narrow: default yes, expected none",
        "conversion narrow: from LATIN1, expected UTF8",
        "conversion narrow: function iso8859_1_to_utf8, expected utf8_to_iso8859_1",
        "conversion narrow: to UTF8, expected LATIN1",
    ),
    "text search configuration": planted(
        f"{DICTIONARY}; CREATE TEXT SEARCH CONFIGURATION words (COPY = simple)",
        "ALTER TEXT SEARCH CONFIGURATION words ALTER MAPPING FOR word WITH plain, simple; "
        "ALTER TEXT SEARCH CONFIGURATION words DROP MAPPING FOR asciiword",
        "text search configuration words: mapping for asciiword none, expected simple",
        "text search configuration words: mapping for word public.plain, simple, expected simple",
    ),
    "text search configuration's parser": planted(
        f"{PARSER}); CREATE TEXT SEARCH CONFIGURATION words (PARSER = default)",
        "DROP TEXT SEARCH CONFIGURATION words; CREATE TEXT SEARCH CONFIGURATION words (PARSER = letters)",
        'text search configuration words: parser public.letters, expected pg_catalog."default"',
    ),
    "text search dictionary": planted(
        DICTIONARY,
        "ALTER TEXT SEARCH DICTIONARY plain (ACCEPT = false); COMMENT ON TEXT SEARCH DICTIONARY plain IS 'x'",
        "text search dictionary plain: options accept = 'false', expected none",
        "comment on text search dictionary plain: extra",
    ),
    "text search parser": planted(
        f"{PARSER})",
        f"DROP TEXT SEARCH PARSER letters; {PARSER}, HEADLINE = prsd_headline)",
        "text search parser letters: headline prsd_headline, expected none",
    ),
    "text search template": planted(
        f"{TEMPLATE})",
        f"DROP TEXT SEARCH TEMPLATE bare; {TEMPLATE}, INIT = dsimple_init)",
        "text search template bare: init dsimple_init, expected none",
    ),
    "foreign data wrapper": planted(
        "CREATE FOREIGN DATA WRAPPER nowhere OPTIONS (sslmode 'a')",
        "ALTER FOREIGN DATA WRAPPER nowhere OPTIONS (SET sslmode 'b', host 'c'); "
        "ALTER FOREIGN DATA WRAPPER nowhere VALIDATOR postgresql_fdw_validator; "
        "GRANT USAGE ON FOREIGN DATA WRAPPER nowhere TO rt_other",
        "foreign data wrapper nowhere: grants rt_other: ALL, expected as built in",
        "foreign data wrapper nowhere: options host=c, sslmode=b, expected sslmode=a",
        "foreign data wrapper nowhere: validator postgresql_fdw_validator, expected none",
    ),
    "server": planted(
        SERVER,
        "ALTER SERVER here VERSION '2' OPTIONS (host 'a', port '5432'); GRANT USAGE ON FOREIGN SERVER here TO rt_other",
        "server here: grants rt_other: ALL, expected as built in",
        "server here: options host=a, port=5432, expected none",
        "server here: version 2, expected none",
    ),
    "server of another kind": planted(
        f"{SERVER}; CREATE FOREIGN DATA WRAPPER elsewhere",
        "DROP SERVER here; CREATE SERVER here TYPE 'x' FOREIGN DATA WRAPPER elsewhere",
        "server here: foreign data wrapper elsewhere, expected nowhere",
        "server here: type x, expected none",
    ),
    "server's secret": planted(
        f"{SERVER}; ALTER SERVER here OPTIONS (api_key 'a')",
        "ALTER SERVER here OPTIONS (SET api_key 'swordfish')",
        "server here: options api_key=sha256:a3fb, expected api_key=sha256:80d5",
    ),
    "server with a secret missing": planted(
        f"{SERVER}; ALTER SERVER here OPTIONS (host 'a', api_key 'a'); COMMENT ON SERVER here IS 'x'",
        "DROP SERVER here",
        "server here: missing",
    ),
    "server missing": planted(
        f"{SERVER}; CREATE USER MAPPING FOR PUBLIC SERVER here",
        "DROP SERVER here CASCADE",
        "server here: missing",
        "user mapping FOR PUBLIC SERVER here: missing",
    ),
    "user mapping": planted(
        f"{SERVER}; CREATE USER MAPPING FOR rt_other SERVER here OPTIONS (user 'a', password 'x')",
        "ALTER USER MAPPING FOR rt_other SERVER here OPTIONS (SET password 'swordfish')",
        "user mapping FOR rt_other SERVER here: options password=sha256:edb2, user=sha256:8638, "
        "expected password=sha256:c39c, user=sha256:8638",
    ),
    "language": planted(
        "CREATE LANGUAGE mine HANDLER plpgsql_call_handler VALIDATOR plpgsql_validator",
        "DROP LANGUAGE mine; CREATE TRUSTED LANGUAGE mine HANDLER plpgsql_call_handler INLINE plpgsql_inline_handler; "
        "REVOKE USAGE ON LANGUAGE mine FROM PUBLIC",
        "language mine: grants PUBLIC: none, expected as built in",
        "language mine: inline plpgsql_inline_handler, expected none",
        "language mine: trusted yes, expected none",
        "language mine: validator none, expected plpgsql_validator",
    ),
    "transform": planted(
        f"{TRANSFORM})",
        f"DROP TRANSFORM FOR integer LANGUAGE sql; {TRANSFORM}, TO SQL WITH FUNCTION int4recv(internal))",
        "transform FOR integer LANGUAGE sql: to sql int4recv, expected none",
    ),
    "access method": planted(
        "CREATE ACCESS METHOD pile TYPE TABLE HANDLER heap_tableam_handler",
        "DROP ACCESS METHOD pile; CREATE ACCESS METHOD pile TYPE INDEX HANDLER bthandler; "
        "CREATE ACCESS METHOD heaped TYPE TABLE HANDLER heap_tableam_handler",
        "access method heaped: extra",
        "access method pile: handler bthandler, expected heap_tableam_handler",
        "access method pile: type index, expected table",
    ),
    "subscription": planted(
        SUBSCRIPTION,
        "ALTER SUBSCRIPTION inbox SET (slot_name = NONE, synchronous_commit = 'on'); "
        "ALTER SUBSCRIPTION inbox SET PUBLICATION other WITH (refresh = false); "
        "COMMENT ON SUBSCRIPTION inbox IS 'x'",
        "subscription inbox: publications other, expected feed",
        "subscription inbox: slot NONE, expected one",
        "subscription inbox: synchronous commit on, expected none",
        "comment on subscription inbox: extra",
    ),
    "subscription enabled": planted(
        SUBSCRIPTION, "ALTER SUBSCRIPTION inbox ENABLE", "subscription inbox: enabled yes, expected no"
    ),
    "settings": planted(
        "ALTER DATABASE rt_here SET work_mem = '4MB'; ALTER DATABASE rt_here SET lock_timeout = '1s'",
        "ALTER DATABASE rt_here SET work_mem = '8MB'; ALTER DATABASE rt_here RESET lock_timeout; "
        "ALTER DATABASE rt_here SET app.key = 'swordfish'; ALTER ROLE rt_other SET work_mem = '1GB'; "
        "ALTER ROLE rt_other IN DATABASE rt_here SET search_path = odd, public",
        "setting app.key: extra, found sha256:8a73",
        "setting lock_timeout: missing, expected 1s",
        "setting search_path of rt_other: extra, found odd, public",
        "setting work_mem: value 8MB, expected 4MB",
    ),
}


@pytest.fixture(scope="module")
def opened(server_dsn: str) -> Iterator[Connection]:
    with fresh_database(server_dsn) as connection:
        yield connection


@pytest.mark.parametrize("case", CASES.values(), ids=[name.replace(" ", "-") for name in CASES])
def test_difference(opened: Connection, case: Planted) -> None:
    """A planted difference is in the snapshot and in the fingerprint, is named, and nothing else is."""
    assert find(opened, case) == case.lines


@pytest.mark.parametrize("server", ["server18_dsn", "system_dsn"])
def test_other_servers(request: pytest.FixtureRequest, server: str) -> None:
    """Every difference is found and named on other major versions in the same words."""
    with fresh_database(request.getfixturevalue(server)) as connection:
        for name, case in CASES.items():
            assert find(connection, case) == case.lines, name


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


@pytest.mark.parametrize("server", LOCALES)
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
WRITTEN = {"cast missing", "cast otherwise", "collation missing", "foreign data wrapper", "server"}


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
