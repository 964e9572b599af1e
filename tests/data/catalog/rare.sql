-- One of each kind that few databases have, in words that PostgreSQL 13 to 18 all know. What is in catalogs that all
-- databases share, settings and subscriptions, is in no dump.
CREATE SCHEMA app;
CREATE COLLATION app.plain (LC_COLLATE = 'C', LC_CTYPE = 'POSIX');
CREATE TABLE app.sorted (name text COLLATE app.plain);
CREATE TYPE app.tone AS (hertz integer);
CREATE FUNCTION app.same(a app.tone, b app.tone) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT (a).hertz = (b).hertz $$;
CREATE FUNCTION app.below(a app.tone, b app.tone) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT (a).hertz < (b).hertz $$;
CREATE FUNCTION app.hash(a app.tone) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT hashint4((a).hertz) $$;
CREATE FUNCTION app.hertz(a app.tone) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT (a).hertz $$;
CREATE OPERATOR app.=== (
    FUNCTION = app.same, LEFTARG = app.tone, RIGHTARG = app.tone, COMMUTATOR = OPERATOR(app.===), RESTRICT = eqsel,
    JOIN = eqjoinsel, HASHES
);
CREATE OPERATOR app.<<< (FUNCTION = app.below, LEFTARG = app.tone, RIGHTARG = app.tone);
CREATE OPERATOR CLASS app.tone_ops DEFAULT FOR TYPE app.tone USING hash AS OPERATOR 1 app.===, FUNCTION 1 app.hash(app.tone);
CREATE OPERATOR FAMILY app.numbers USING btree;
CREATE OPERATOR CLASS app.number_ops FOR TYPE integer USING btree FAMILY app.numbers AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(integer, integer);
ALTER OPERATOR FAMILY app.numbers USING btree ADD
    OPERATOR 1 < (integer, bigint), OPERATOR 1 < (bigint, integer), FUNCTION 1 btint48cmp(integer, bigint);
CREATE CAST (app.tone AS integer) WITH FUNCTION app.hertz(app.tone) AS ASSIGNMENT;
CREATE CAST (app.tone AS json) WITH INOUT;
CREATE CONVERSION app.narrow FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1;
CREATE TEXT SEARCH PARSER app.letters
    (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype, HEADLINE = prsd_headline);
CREATE TEXT SEARCH TEMPLATE app.bare (INIT = dsimple_init, LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH DICTIONARY app.words (TEMPLATE = app.bare, ACCEPT = false);
CREATE TEXT SEARCH CONFIGURATION app.search (PARSER = app.letters);
ALTER TEXT SEARCH CONFIGURATION app.search ADD MAPPING FOR word, asciiword WITH app.words, simple;
CREATE FUNCTION app.call() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE FUNCTION app.run(internal) RETURNS void LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_inline_handler';
CREATE LANGUAGE mine HANDLER app.call INLINE app.run;
CREATE TRANSFORM FOR integer LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal));
CREATE ACCESS METHOD pile TYPE TABLE HANDLER heap_tableam_handler;
CREATE FOREIGN DATA WRAPPER nowhere OPTIONS (host 'a');
CREATE SERVER elsewhere TYPE 'x' VERSION '1' FOREIGN DATA WRAPPER nowhere OPTIONS (port '1', host 'b', secret 'c');
CREATE USER MAPPING FOR PUBLIC SERVER elsewhere OPTIONS (user 'd', password 'e');

COMMENT ON COLLATION app.plain IS 'by bytes';
COMMENT ON CAST (app.tone AS json) IS 'by text';
COMMENT ON OPERATOR app.=== (app.tone, app.tone) IS 'as high';
COMMENT ON OPERATOR CLASS app.tone_ops USING hash IS 'of tones';
COMMENT ON OPERATOR FAMILY app.numbers USING btree IS 'of numbers';
COMMENT ON TEXT SEARCH CONFIGURATION app.search IS 'of texts';
COMMENT ON TRANSFORM FOR integer LANGUAGE sql IS 'to nothing';
COMMENT ON LANGUAGE mine IS 'ours';
COMMENT ON SERVER elsewhere IS 'far';
GRANT USAGE ON FOREIGN DATA WRAPPER nowhere TO PUBLIC;
GRANT USAGE ON FOREIGN SERVER elsewhere TO PUBLIC;
