"""Planted differences of the kinds of objects that few databases have: each is seen and named."""

import pytest

from runner.session import Connection
from tests.integration.fix_catalog import Planted, find, fresh_database, planted

SERVER = "CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER here FOREIGN DATA WRAPPER nowhere"
SECRET = "swordfish"  # noqa: S105  # it must not be seen
SAME = "CREATE FUNCTION same(a integer, b integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT a = b'"
OPERATOR = f"{SAME}; CREATE OPERATOR === (FUNCTION = same, LEFTARG = integer, RIGHTARG = integer)"
OPERATOR_CLASS = "CREATE OPERATOR CLASS same_ops FOR TYPE integer USING hash AS OPERATOR 1 =, FUNCTION 1 hashint4(integer)"
FAMILY = "CREATE OPERATOR FAMILY numbers USING btree"
DICTIONARY = "CREATE TEXT SEARCH DICTIONARY plain (TEMPLATE = simple)"
CONFIGURATION = f"{DICTIONARY}; CREATE TEXT SEARCH CONFIGURATION words (COPY = simple)"
PARSER = (
    "CREATE TEXT SEARCH PARSER letters "
    "(START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype"
)
TRANSFORM = "CREATE TRANSFORM FOR integer LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal)"
SUBSCRIPTION = (
    "CREATE SUBSCRIPTION inbox CONNECTION 'host=nowhere password=swordfish' PUBLICATION feed "
    "WITH (connect = false, slot_name = 'one')"
)

CASES = {
    "cast missing": planted(
        "CREATE CAST (text AS json) WITH INOUT",
        "DROP CAST (text AS json)",
        "cast (text AS json): missing",
    ),
    "cast otherwise": planted(
        "CREATE FUNCTION to_flag(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'; CREATE CAST (text AS boolean) WITH INOUT",
        "DROP CAST (text AS boolean); CREATE CAST (text AS boolean) WITH FUNCTION to_flag(text) AS ASSIGNMENT",
        "cast (text AS boolean): context assignment, expected explicit",
        "cast (text AS boolean): function public.to_flag(text), expected none",
        "cast (text AS boolean): method none, expected inout",
    ),
    "operator": planted(
        OPERATOR,
        "ALTER OPERATOR === (integer, integer) SET (RESTRICT = eqsel, JOIN = eqjoinsel); DROP FUNCTION IF EXISTS x()",
        "operator public.===(integer,integer): join eqjoinsel, expected none",
        "operator public.===(integer,integer): restrict eqsel, expected none",
    ),
    "operator owner and comment": planted(
        OPERATOR,
        "ALTER OPERATOR === (integer, integer) OWNER TO rt_other; COMMENT ON OPERATOR === (integer, integer) IS 'x'",
        "operator ===(integer,integer): owner rt_other, expected the connected role",
        "comment on operator ===(integer,integer): extra",
    ),
    "operator class": planted(
        OPERATOR_CLASS,
        f"DROP OPERATOR FAMILY same_ops USING hash; {OPERATOR_CLASS}, FUNCTION 2 hashint4extended(integer, bigint)",
        "?",
    ),
    "operator family": planted(
        FAMILY,
        "ALTER OPERATOR FAMILY numbers USING btree ADD OPERATOR 1 < (integer, bigint), FUNCTION 1 btint48cmp(integer, bigint)",
        "?",
    ),
    "collation": planted(
        "CREATE COLLATION sorted (LOCALE = 'C')",
        "DROP COLLATION sorted; CREATE COLLATION sorted (LC_COLLATE = 'C', LC_CTYPE = 'POSIX')",
        "?",
    ),
    "collation missing": planted(
        "CREATE COLLATION sorted (LOCALE = 'C'); COMMENT ON COLLATION sorted IS 'x'", "DROP COLLATION sorted", "?"
    ),
    "conversion": planted(
        "CREATE CONVERSION narrow FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1",
        "DROP CONVERSION narrow; CREATE DEFAULT CONVERSION narrow FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8",
        "?",
    ),
    "text search configuration": planted(
        CONFIGURATION,
        "ALTER TEXT SEARCH CONFIGURATION words ALTER MAPPING FOR word WITH plain, simple; "
        "ALTER TEXT SEARCH CONFIGURATION words DROP MAPPING FOR asciiword",
        "?",
    ),
    "text search dictionary": planted(
        DICTIONARY, "ALTER TEXT SEARCH DICTIONARY plain (ACCEPT = false); COMMENT ON TEXT SEARCH DICTIONARY plain IS 'x'", "?"
    ),
    "text search parser": planted(
        f"{PARSER})", f"DROP TEXT SEARCH PARSER letters; {PARSER}, HEADLINE = prsd_headline)", "?"
    ),
    "text search template": planted(
        "CREATE TEXT SEARCH TEMPLATE bare (LEXIZE = dsimple_lexize)",
        "DROP TEXT SEARCH TEMPLATE bare; CREATE TEXT SEARCH TEMPLATE bare (INIT = dsimple_init, LEXIZE = dsimple_lexize)",
        "?",
    ),
    "foreign data wrapper": planted(
        "CREATE FOREIGN DATA WRAPPER nowhere",
        "ALTER FOREIGN DATA WRAPPER nowhere VALIDATOR postgresql_fdw_validator OPTIONS (host 'a'); "
        "GRANT USAGE ON FOREIGN DATA WRAPPER nowhere TO PUBLIC",
        "?",
    ),
    "server": planted(
        SERVER,
        "ALTER SERVER here VERSION '2' OPTIONS (host 'a', api_key 'swordfish'); "
        "GRANT USAGE ON FOREIGN SERVER here TO rt_other",
        "?",
    ),
    "server missing": planted(
        f"{SERVER}; CREATE USER MAPPING FOR PUBLIC SERVER here", "DROP SERVER here CASCADE", "?"
    ),
    "user mapping": planted(
        f"{SERVER}; CREATE USER MAPPING FOR rt_other SERVER here OPTIONS (user 'a', password 'x')",
        "ALTER USER MAPPING FOR rt_other SERVER here OPTIONS (SET password 'swordfish')",
        "?",
    ),
    "language": planted(
        "CREATE LANGUAGE mine HANDLER plpgsql_call_handler VALIDATOR plpgsql_validator",
        "DROP LANGUAGE mine; CREATE TRUSTED LANGUAGE mine HANDLER plpgsql_call_handler; "
        "REVOKE USAGE ON LANGUAGE mine FROM PUBLIC",
        "?",
    ),
    "transform": planted(
        f"{TRANSFORM})", f"DROP TRANSFORM FOR integer LANGUAGE sql; {TRANSFORM}, TO SQL WITH FUNCTION int4recv(internal))", "?"
    ),
    "access method": planted(
        "", "CREATE ACCESS METHOD pile TYPE TABLE HANDLER heap_tableam_handler", "?"
    ),
    "subscription": planted(
        SUBSCRIPTION,
        "ALTER SUBSCRIPTION inbox SET (slot_name = NONE); "
        "ALTER SUBSCRIPTION inbox SET (synchronous_commit = 'on'); "
        "ALTER SUBSCRIPTION inbox SET PUBLICATION other WITH (refresh = false)",
        "?",
    ),
    "settings": planted(
        "ALTER DATABASE rt_here SET work_mem = '4MB'; ALTER DATABASE rt_here SET lock_timeout = '1s'",
        "ALTER DATABASE rt_here SET work_mem = '8MB'; ALTER DATABASE rt_here RESET lock_timeout; "
        "ALTER DATABASE rt_here SET app.secret = 'swordfish'; "
        "ALTER ROLE rt_other IN DATABASE rt_here SET search_path = odd, public; ALTER ROLE rt_other SET work_mem = '1GB'",
        "?",
    ),
}


@pytest.mark.parametrize("server", ["server_dsn", "server18_dsn", "system_dsn"])
def test_difference(request: pytest.FixtureRequest, server: str) -> None:
    with fresh_database(request.getfixturevalue(server)) as connection:
        for name, case in CASES.items():
            try:
                print(name, *find(connection, case), sep="\n   ")
            except Exception as e:
                print(name, "EXC", e)
