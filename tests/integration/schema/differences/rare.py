"""Planted differences of the kinds that few databases have: casts, operators, text search, foreign data, settings."""

from tests.integration.fix_catalog import planted

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
        # The other one has no function yet, and is nothing by itself.
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
        'user mapping FOR rt_other SERVER here: options password=sha256:edb2, "user"=sha256:8638, '
        'expected password=sha256:c39c, "user"=sha256:8638',
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
