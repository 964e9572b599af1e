"""The token of a catalog: equal to that of an earlier moment only if the schema is what it was then.

Every change of a schema writes a new version of some catalog row, whose number (xmin) no visible row had before; what
is deleted lowers the count of rows. So the count and a hashed sum of these numbers, over all catalogs that a snapshot
is read from, stand for the schema. VACUUM, ANALYZE and freezing leave them alone, and so do rows of tables.

Without these rules it is wrong: it is read *before* the schema that it is kept with, or a change between the two would
be believed for ever; not in the transaction that changes the schema, whose rows may change again under one number; and
it holds the start of the server, since a restored one gives the same numbers out again.

To open a catalog takes longer than to read its rows. Those that are empty in most databases are left out where the same
query proves that they are: the token is the same with and without them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from psycopg import sql
from psycopg.errors import InsufficientPrivilege
from psycopg.pq import TransactionStatus

from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection, find_major

# Below 16384 are the objects that PostgreSQL itself brings (its manual, "OID Assignment"). As bigint, the planner knows
# that it cannot estimate the condition; else it reads statistics and the end of an index for it, in each catalog.
_OURS = "CAST(oid AS bigint) >= 16384"
# The rows that count, by catalog, and which of them are about no relation that is there only as long as a session.
# What PostgreSQL brings counts where it has privileges of its own. Left out are those that never change alone:
# pg_attrdef, pg_range, pg_aggregate, pg_partitioned_table, pg_init_privs.
_CATALOGS: dict[str, tuple[str, str]] = {
    # Rewriting a catalog (VACUUM FULL) writes its row here again: the privileges on those are hashed themselves.
    "pg_class": (_OURS, "relpersistence <> 't'"),
    "pg_attribute": (
        "(CAST(attrelid AS bigint) >= 16384 OR attacl IS NOT NULL)",
        "attrelid NOT IN (SELECT oid FROM passing)",
    ),
    "pg_constraint": (_OURS, "conrelid NOT IN (SELECT oid FROM passing)"),
    "pg_index": ("CAST(indexrelid AS bigint) >= 16384", "indrelid NOT IN (SELECT oid FROM passing)"),
    "pg_type": (
        f"({_OURS} OR typacl IS NOT NULL)",
        "typnamespace NOT IN (SELECT oid FROM pg_namespace WHERE starts_with(nspname, 'pg_temp_'))",
    ),
    "pg_namespace": ("(left(nspname, 3) <> 'pg_' OR nspname = 'pg_catalog')", ""),
    "pg_proc": (f"({_OURS} OR proacl IS NOT NULL)", ""),
    "pg_sequence": ("", "seqrelid NOT IN (SELECT oid FROM passing)"),
    "pg_trigger": ("", "tgrelid NOT IN (SELECT oid FROM passing)"),
    # These two are large with what PostgreSQL brings, and are worth an index.
    "pg_rewrite": ("oid >= 16384", "ev_class NOT IN (SELECT oid FROM passing)"),
    # The schema public is PostgreSQL's own, and has a comment.
    "pg_description": ("(objoid >= 16384 OR objoid = 2200)", "objoid NOT IN (SELECT oid FROM passing)"),
    "pg_extension": ("", ""),
    # Only what belongs to or depends on an extension: 3079 is pg_extension. All else changes with a row of another.
    "pg_depend": ("refclassid = 3079 AND deptype IN ('e', 'x')", ""),
    "pg_am": (_OURS, ""),
    "pg_cast": (_OURS, ""),
    "pg_language": (f"({_OURS} OR lanacl IS NOT NULL)", ""),
}
# Those that have no row in a new database, with their numbers: a file without a page proves that there is none. Rows of
# the catalogs in each entry need one of the first.
_EMPTY: dict[str, tuple[int, dict[str, tuple[str, str]]]] = {
    "pg_db_role_setting": (2964, {"pg_db_role_setting": ("setdatabase = (SELECT oid FROM me)", "")}),
    "pg_default_acl": (826, {"pg_default_acl": ("", "")}),
    "pg_enum": (3501, {"pg_enum": ("", "")}),
    "pg_event_trigger": (3466, {"pg_event_trigger": ("", "")}),
    "pg_foreign_data_wrapper": (
        2328,
        {"pg_foreign_data_wrapper": ("", ""), "pg_foreign_server": ("", ""), "pg_foreign_table": ("", "")},
    ),
    "pg_inherits": (2611, {"pg_inherits": ("", "inhrelid NOT IN (SELECT oid FROM passing)")}),
    "pg_policy": (3256, {"pg_policy": ("", "polrelid NOT IN (SELECT oid FROM passing)")}),
    "pg_publication": (6104, {"pg_publication": ("", ""), "pg_publication_rel": ("", "")}),
    "pg_statistic_ext": (3381, {"pg_statistic_ext": ("", "stxrelid NOT IN (SELECT oid FROM passing)")}),
    # Its rows are not for every role to read: token.sql hashes columns of it.
    "pg_subscription": (6100, {}),
    "pg_transform": (3576, {"pg_transform": ("", "")}),
}
# Those whose objects are in schemas, with which pg_depend has them: without one there, none is ours. Any in pg_catalog,
# which would not be there, are in no snapshot either.
_PLACED = "placed"
_IN_SCHEMAS: dict[str, tuple[str, str]] = {
    "pg_collation": (_OURS, ""),
    "pg_conversion": (_OURS, ""),
    "pg_operator": (_OURS, ""),
    "pg_opclass": (_OURS, ""),
    "pg_opfamily": (_OURS, ""),
    "pg_amop": (_OURS, ""),
    "pg_amproc": (_OURS, ""),
    "pg_ts_config": (_OURS, ""),
    "pg_ts_dict": (_OURS, ""),
    "pg_ts_parser": (_OURS, ""),
    "pg_ts_template": (_OURS, ""),
    "pg_ts_config_map": ("mapcfg >= 16384", ""),
}
# All that may be left out.
ALL = frozenset({*_EMPTY, _PLACED})
# Columns of pg_subscription that every role may read, by the major that brought them.
_SUBSCRIPTION = {
    10: ("subname", "subowner", "subenabled", "subslotname", "subpublications", "subsynccommit"),
    14: ("subbinary",),
    15: ("subtwophasestate", "subdisableonerr"),
    16: ("suborigin", "subpasswordrequired", "subrunasowner"),
    17: ("subfailover",),
}
_SINCE_15 = {"pg_publication_namespace": ("", "")}


_NOTHING = sql.SQL("")


@dataclass(frozen=True, slots=True)
class Form:
    """How the rows of catalogs are added up: `select` returns the query for those of one that meet a condition.

    `rows` and `versions` are the sums over the answers of all. `more` are further columns next to the token, and
    `sources` what these are read from.
    """

    select: Callable[[str, str], str]
    rows: str
    versions: str
    more: sql.Composable
    sources: sql.Composable


# The hash of a row's version.
VERSION: str = "hashint8extended(CAST(CAST(xmin AS text) AS bigint), {})"


def _select_rows(catalog: str, condition: str) -> str:
    return f"SELECT xmin FROM {catalog} WHERE {condition}"  # noqa: S608  # our own words


_ROWS = Form(_select_rows, "count(*)", f"sum({VERSION.format(0)})", _NOTHING, _NOTHING)


def read_token(connection: Connection, used: set[str] | None = None) -> str | None:
    """Return the token of the database that a connection is to, with the identity of server, database and role.

    None within a transaction, where it would not be that of this moment, and where the role may not read all of it.
    `used` remembers which of the catalogs that are mostly empty are not, so that they need not be asked for again in
    the next database of a fleet. Raises psycopg.Error.
    """
    if not can_read_token(connection):
        return None
    used = set() if used is None else used
    without_passing = False
    try:
        while True:
            asked = frozenset(used)
            token, passing, words = _ask(connection, asked, without_passing=without_passing)
            used.update(words)
            # Temporary relations of any session are in the catalogs as well, and come and go.
            if asked >= words and passing <= without_passing:
                return token
            without_passing = passing
    except InsufficientPrivilege:
        return None


def can_read_token(connection: Connection) -> bool:
    """Return whether a token would be that of this moment: not in a transaction, which may have begun before."""
    return connection.autocommit and connection.info.transaction_status is TransactionStatus.IDLE


def describe_token(major: int) -> str:
    """Return the text on which a token depends besides the database: one that was asked otherwise is another number."""
    return _compose(major, ALL, without_passing=False).as_string()


def _ask(connection: Connection, used: frozenset[str], *, without_passing: bool) -> tuple[str, bool, frozenset[str]]:
    """Return a token, whether there are temporary relations, and the catalogs that `used` must have for it to count."""
    query = _compose(find_major(connection), used, without_passing=without_passing)
    # prepare=False, since a prepared query cannot have several statements.
    cursor = connection.execute(query, prepare=False)
    while cursor.description is None:
        cursor.nextset()
    ((token, passing, words),) = cursor.fetchall()
    return str(token), bool(passing), frozenset(words.split())


@lru_cache(maxsize=64)
def _compose(major: int, used: frozenset[str], *, without_passing: bool) -> sql.SQL:
    """Return settings and query in one message; `without_passing` leaves temporary relations out, at some cost."""
    query = compose_token(major, used, _ROWS, without_passing=without_passing)
    return sql.SQL((sql.SQL(read_sql("schema/catalog", "settings")) + sql.SQL(";\n") + query).as_string())


def compose_token(major: int, used: frozenset[str], form: Form, *, without_passing: bool) -> sql.Composed:
    """Return the query for a token; it is the same number in each form."""
    selects = [
        form.select(name, " AND ".join(filter(None, (counted, lasting if without_passing else ""))) or "true")
        for name, (counted, lasting) in _list_catalogs(major, used).items()
    ]
    return sql.SQL(read_sql("schema/catalog", "token")).format(
        rows=sql.SQL(form.rows),
        versions=sql.SQL(form.versions),
        more=form.more,
        sources=form.sources,
        catalogs=sql.SQL("\n        UNION ALL ").join(map(sql.SQL, selects)),
        used=sql.SQL(",\n        ").join(
            sql.SQL("CASE WHEN pg_relation_size({}) > 0 THEN {} END").format(sql.Literal(number), sql.Literal(name))
            for name, (number, _) in _EMPTY.items()
        ),
        **_compose_shared(major, used),
    )


def _list_catalogs(major: int, used: frozenset[str]) -> dict[str, tuple[str, str]]:
    """Return the catalogs whose rows are counted."""
    catalogs = dict(_CATALOGS)
    for name, (_, counted) in _EMPTY.items():
        if name in used:
            catalogs |= counted
    if "pg_publication" in used and major >= 15:
        catalogs |= _SINCE_15
    return catalogs | (_IN_SCHEMAS if _PLACED in used else {})


def _compose_shared(major: int, used: frozenset[str]) -> dict[str, sql.Composable]:
    """Return what is hashed of rows that are not for every role to read, and the roles with settings."""
    nothing = sql.SQL("NULL")
    columns = [name for since, names in _SUBSCRIPTION.items() if major >= since for name in names]
    subscriptions = sql.SQL(read_sql("schema/catalog", "token_subscriptions")).format(
        sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    return {
        "mappings": sql.SQL(read_sql("schema/catalog", "token_mappings"))
        if "pg_foreign_data_wrapper" in used
        else nothing,
        "subscriptions": subscriptions if "pg_subscription" in used else nothing,
        "set_roles": sql.SQL(read_sql("schema/catalog", "token_set_roles"))
        if "pg_db_role_setting" in used
        else sql.SQL(""),
    }
