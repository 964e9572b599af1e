"""Functions, operators, types and tables with the names of PostgreSQL's own, where a search_path finds them first."""

from collections.abc import Iterator, Mapping

from tests.acceptance.hostile.attack import VERBS, Attack, Runner, Start, check_names

_FIRST = "ALTER DATABASE DBNAME SET search_path = evil, public, pg_catalog;\n"
_FIRST_FOR_ROLE = "ALTER ROLE RUNNER IN DATABASE DBNAME SET search_path = evil, public, pg_catalog;\n"
_RUN = ("status", "verify", "log", "text", "adopt", "accept", "mark", "forget", "rollback", "migrate")
# Operators that our own queries use, by the types on both sides; the first word is what they are called here.
_OPERATORS: tuple[tuple[str, str, str], ...] = (
    ("=", "bigint", "integer"),
    ("=", "bigint", "bigint"),
    ("=", "integer", "integer"),
    ("=", "text", "text"),
    ("=", "name", "name"),
    ("=", "name", "text"),
    ("=", "oid", "oid"),
    ("=", "jsonb", "jsonb"),
    ("=", "boolean", "boolean"),
    ("=", '"char"', '"char"'),
    ("<>", "text", "text"),
    ("<>", "integer", "integer"),
    (">", "integer", "integer"),
    (">", "bigint", "integer"),
    ("<", "integer", "integer"),
    ("||", "text", "text"),
    ("||", "jsonb", "jsonb"),
    ("->", "jsonb", "text"),
    ("->>", "jsonb", "text"),
    ("<<", "bigint", "integer"),
    ("|", "bigint", "bigint"),
    ("-", "timestamptz", "timestamptz"),
    ("~", "text", "text"),
    ("~~", "text", "text"),
)
# Where the server has no operator for exactly these types, one in public is found first, whatever the search_path.
_EXACT: tuple[tuple[str, str, str], ...] = (
    ("=", "oid", "integer"),
    ("<>", "oid", "integer"),
    ("=", "oid", "regclass"),
    ("=", "regclass", "oid"),
    ("=", "regclass", "regclass"),
    ("=", "regtype", "oid"),
    ("=", "regproc", "oid"),
    ("=", '"char"', "text"),
    ("=", "smallint", "oid"),
    ("=", "varchar", "text"),
    ("||", "text", "name"),
    ("||", "name", "text"),
    ("||", '"char"', "text"),
)
_RESULT = {"||": "text", "->": "jsonb", "->>": "text", "<<": "bigint", "|": "bigint", "-": "interval"}
# Functions, by their arguments, with what they are to give.
_FUNCTIONS: Mapping[str, tuple[str, str]] = {
    "concat(text, text)": ("text", "$1"),
    "concat(name, text)": ("text", "$1::text"),
    "count(text)": ("bigint", "1"),
    "lower(text)": ("text", "$1"),
    "replace(text, text, text)": ("text", "$1"),
    "btrim(text, text)": ("text", "$1"),
    "format_type(oid, integer)": ("text", "'text'"),
    "quote_ident(text)": ("text", "$1"),
    "quote_ident(name)": ("text", "$1::text"),
    "obj_description(oid, name)": ("text", "'x'"),
    "to_regclass(text)": ("regclass", "NULL"),
    "date_part(text, timestamptz)": ("double precision", "0"),
    "clock_timestamp()": ("timestamptz", "'2026-01-01'"),
    "now()": ("timestamptz", "'2026-01-01'"),
    "set_config(text, text, boolean)": ("text", "$2"),
    "current_setting(text)": ("text", "'x'"),
    "current_database()": ("name", "'x'"),
    "pg_try_advisory_xact_lock(bigint)": ("boolean", "true"),
    "pg_backend_pid()": ("integer", "1"),
    "pg_get_expr(pg_node_tree, oid)": ("text", "'x'"),
    "pg_get_userbyid(oid)": ("name", "'x'"),
    "pg_total_relation_size(regclass)": ("bigint", "1"),
    "jsonb_build_object(text, jsonb)": ("jsonb", "'{}'"),
    "unnest(text[])": ("text", "'x'"),
    "length(text)": ("integer", "1"),
}
_TYPES = ("text", "timestamptz", "uuid", "jsonb", "oid", "regclass", "name", "int8", "bool")
_RELATIONS = (
    "pg_class",
    "pg_namespace",
    "pg_database",
    "pg_roles",
    "pg_type",
    "pg_proc",
    "pg_stat_activity",
    "pg_locks",
    "pg_settings",
)


def _operator(schema: str, symbol: str, left: str, right: str) -> str:
    """Return the SQL of an operator that does what the real one does, after the canary."""
    result = _RESULT.get(symbol, "boolean")
    if symbol == "||" and left == "jsonb":
        result = "jsonb"
    meant = f"$1 OPERATOR(pg_catalog.{symbol}) $2"
    name = f"{schema}.shadow_{symbol.encode().hex()}"
    function = f"{name}({_real(left)}, {_real(right)})"
    return (
        f"CREATE FUNCTION {function} RETURNS pg_catalog.{_alias(result)} LANGUAGE plpgsql IMMUTABLE AS"
        f" $f$ BEGIN PERFORM evil.fire(); RETURN {meant}; END $f$;"
        f"CREATE OPERATOR {schema}.{symbol} (LEFTARG = {_real(left)}, RIGHTARG = {_real(right)}, FUNCTION ="
        f" {name});"
    )


def _function(schema: str, signature: str) -> str:
    result, value = _FUNCTIONS[signature]
    return (
        f"CREATE FUNCTION {schema}.{signature} RETURNS {result} LANGUAGE plpgsql AS"
        f" $f$ BEGIN PERFORM evil.fire(); RETURN {value}; END $f$;"
    )


def _alias(type_: str) -> str:
    return {"boolean": "bool", "bigint": "int8", "integer": "int4", "smallint": "int2"}.get(type_, type_)


def _real(type_: str) -> str:
    return f"pg_catalog.{_alias(type_)}"


def _list_operators() -> Iterator[Attack]:
    for symbol, left, right in _OPERATORS:
        text = _operator("evil", symbol, left, right)
        yield Attack(f"an operator: {left} {symbol} {right}", f"{text}{_FIRST}", run=_RUN)
    for symbol, left, right in _EXACT:
        # Without a function of the server's for these types, what it would do is not tried.
        text = _operator("public", symbol, left, right).replace(
            f"$1 OPERATOR(pg_catalog.{symbol}) $2", "true" if symbol in ("=", "<>") else "$1::pg_catalog.text"
        )
        yield Attack(f"an operator in public: {left} {symbol} {right}", text, run=_RUN)
    every = "".join(_operator("evil", *one) for one in _OPERATORS)
    yield Attack("operators: all of them", f"{every}{_FIRST}", run=tuple(VERBS))
    yield Attack(
        "operators: all of them, for the role", every, run=tuple(VERBS), first=_FIRST_FOR_ROLE, runner=Runner.SUPERUSER
    )
    yield Attack("operators: all of them, for a role without rights", f"{every}{_FIRST}", runner=Runner.DEPLOY)
    yield Attack("operators: all of them, in an empty database", f"{every}{_FIRST}", start=Start.EMPTY)


def _list_functions() -> Iterator[Attack]:
    for signature in _FUNCTIONS:
        yield Attack(f"a function: {signature}", f"{_function('evil', signature)}{_FIRST}", run=_RUN)
    # Where nothing is said of a search_path, one is found only by types that fit better than the server's own.
    for signature in ("concat(text, text)", "concat(name, text)", "jsonb_build_object(text, jsonb)", "count(text)"):
        yield Attack(f"a function in public: {signature}", _function("public", signature), run=_RUN)
    yield Attack(
        "an aggregate: string_agg",
        "CREATE FUNCTION evil.step(pg_catalog.text, pg_catalog.text, pg_catalog.text) RETURNS pg_catalog.text LANGUAGE"
        " plpgsql AS 'BEGIN PERFORM evil.fire(); RETURN $1; END';"
        "CREATE AGGREGATE evil.string_agg(pg_catalog.text, pg_catalog.text) (SFUNC = evil.step, STYPE = text);"
        f"{_FIRST}",
        run=_RUN,
    )
    yield Attack(
        "an aggregate: count",
        "CREATE FUNCTION evil.step(pg_catalog.int8) RETURNS pg_catalog.int8 LANGUAGE plpgsql AS 'BEGIN PERFORM"
        f" evil.fire(); RETURN $1; END'; CREATE AGGREGATE evil.count(*) (SFUNC = evil.step, STYPE = int8);{_FIRST}",
        run=_RUN,
    )


def _list_names() -> Iterator[Attack]:
    for type_ in _TYPES:
        text = f"CREATE DOMAIN evil.{type_} AS pg_catalog.{type_} CHECK (evil.yes(VALUE));{_FIRST}"
        yield Attack(f"a type: {type_}", text, start=Start.EMPTY)
        yield Attack(f"a type, once applied: {type_}", text, run=_RUN)
    for relation in _RELATIONS:
        text = f"CREATE VIEW evil.{relation} AS SELECT *, evil.spy(1) AS fired FROM pg_catalog.{relation};"
        yield Attack(f"a view: {relation}", f"{text}{_FIRST}", run=_RUN)
    yield Attack(
        "our tables, in another schema",
        "CREATE VIEW evil._migrations AS SELECT evil.spy(version) AS version FROM evil.migrations;"
        f"CREATE VIEW evil._migrations_log AS SELECT evil.spy(id) AS id FROM evil.migrations_log;{_FIRST}",
        run=tuple(VERBS),
    )
    yield Attack(
        "tables of files, in another schema",
        f"CREATE VIEW evil.rooms AS SELECT evil.spy(id) AS id FROM public.rooms;{_FIRST}",
        run=_RUN,
        first="GRANT SELECT ON public.rooms TO ATTACKER",
    )
    yield Attack(
        "casts of a type of the attacker's",
        "CREATE TYPE evil.t AS (a pg_catalog.text); CREATE FUNCTION evil.c(evil.t) RETURNS pg_catalog.text LANGUAGE"
        " plpgsql AS 'BEGIN PERFORM evil.fire(); RETURN $1.a; END'; CREATE CAST (evil.t AS pg_catalog.text) WITH"
        f" FUNCTION evil.c(evil.t) AS IMPLICIT; {_FIRST}",
        run=_RUN,
    )


ATTACKS = check_names((*_list_operators(), *_list_functions(), *_list_names()))
