"""A sighting: the token of a catalog and the fingerprint of its schema, both of one moment, in one round trip.

Whether there are rare kinds of objects is asked of the rows that the token is made of, in place of the gates of a
fingerprint that is read by itself: their catalogs are opened anyway. What an extension brought is not counted.

Whether privileges on what PostgreSQL brings are as it brought them takes longer to tell. The databases of one server
have copies of the same rows there: a digest of their versions that was once found to be usual is so in all of them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from psycopg import Cursor, sql
from psycopg.errors import InsufficientPrivilege

from tenantry.model.scope import Scope
from tenantry.postgres.queries import read_sql
from tenantry.postgres.sessions import Connection, find_major
from tenantry.schema.catalog.parts import find_parts, open_gates
from tenantry.schema.catalog.query import compose_gated, make_brought_gate
from tenantry.schema.catalog.token import VERSION, Form, can_read_token, compose_token
from tenantry.schema.snapshot import Snapshot

_NOTHING = sql.SQL("NULL")
_OWN = "oid >= 16384 AND oid NOT IN (SELECT objid FROM member WHERE classid = CAST('pg_catalog.{}' AS regclass))"
# Neither an array nor the type of a table: the types that are created by themselves.
_TYPE = "typrelid = 0 AND NOT (typelem <> 0 AND typarray = 0)"
# The words of parts.open_gates, by catalog, with the condition on a row that opens them.
_GATES: Mapping[str, Mapping[str, str]] = {
    "pg_class": {"toast": "relkind = 't' AND reloptions IS NOT NULL"},
    "pg_trigger": {"pg_trigger": "NOT tgisinternal", "triggers": "tgenabled <> 'O'"},
    "pg_rewrite": {"pg_rewrite": "rulename <> '_RETURN'"},
    "pg_depend": {"depends": "deptype = 'x'"},
    "pg_type": {"pg_type": f"{_OWN.format('pg_type')} AND {_TYPE}"},
    **{
        catalog: {catalog: _OWN.format(catalog)}
        for catalog in (
            *("pg_proc", "pg_am", "pg_cast", "pg_language", "pg_event_trigger", "pg_foreign_data_wrapper"),
            *("pg_collation", "pg_conversion", "pg_operator", "pg_opclass", "pg_opfamily"),
            *("pg_ts_config", "pg_ts_dict", "pg_ts_parser", "pg_ts_template"),
        )
    },
    "pg_foreign_server": {"pg_foreign_server": "true", "pg_user_mapping": "true"},
    "pg_db_role_setting": {"setting": "true"},
    "pg_default_acl": {"default_grants": "true"},
    "pg_policy": {"pg_policy": "true"},
    "pg_publication": {"publication": "true"},
    "pg_statistic_ext": {"pg_statistic_ext": "true"},
    "pg_transform": {"pg_transform": "true"},
}
_SINCE_18 = {"pg_constraint": {"not_null": "contype = 'n' AND (connoinherit OR NOT convalidated)"}}
# The rows of what PostgreSQL brings that the token counts for their privileges, with a number for each; those of
# pg_class are hashed by themselves.
_BROUGHT = {
    "pg_attribute": ("attrelid < 16384", "CAST(attrelid AS bigint) * 4096 + attnum"),
    "pg_type": ("oid < 16384", "CAST(oid AS bigint)"),
    "pg_proc": ("oid < 16384", "CAST(oid AS bigint)"),
    "pg_namespace": ("nspname = 'pg_catalog'", "CAST(oid AS bigint)"),
    "pg_language": ("oid < 16384", "CAST(oid AS bigint)"),
}


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen of a database at one moment."""

    token: str
    fingerprint: str


@dataclass(slots=True)
class Experience:
    """What the databases of a fleet had so far, so that each is asked for it at once.

    `used` are catalogs that are mostly empty, `usual` digests of privileges on what PostgreSQL brings that are as it
    brought them, and `extended` tells that there are extensions with objects.
    """

    used: set[str] = field(default_factory=set)
    usual: set[str] = field(default_factory=set)
    extended: bool = False


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a query asks for besides the common parts; `passing`: temporary relations are left out."""

    parts: frozenset[str]
    used: frozenset[str]
    passing: bool = False
    brought: bool = False


def read_sighting(connection: Connection, scope: Scope, likely: Snapshot, experience: Experience) -> Sighting | None:
    """Return token and fingerprint; None where there is no token: within a transaction, or for lack of a privilege.

    It takes one round trip if the database has no rare kinds of objects but those of `likely`. Raises psycopg.Error.
    """
    if not can_read_token(connection):
        return None
    # Whoever asks first asks for all: to ask again takes longer.
    brought = experience.extended or not experience.usual
    asked = _Asked(find_parts(likely), frozenset(experience.used), brought=brought)
    try:
        while True:
            sighting, needed = _ask(connection, scope, asked, experience)
            if needed == asked:
                return sighting
            asked = needed
    except InsufficientPrivilege:
        return None
    finally:
        if not connection.closed:
            # An error leaves the transaction of the message open.
            connection.rollback()


def _ask(connection: Connection, scope: Scope, asked: _Asked, experience: Experience) -> tuple[Sighting, _Asked]:
    """Return an answer, and what would have to be asked for it to count."""
    # prepare=False, since a prepared query cannot have several statements.
    cursor = connection.execute(_compose(find_major(connection), scope, asked), prepare=False)
    # Those of SET and BEGIN have no rows.
    answers = [cursor.fetchall() for _ in _list_results(cursor) if cursor.description]
    ((token, passing, used, words, privileges, extended),), ((fingerprint, more),) = answers
    opened = open_gates(f"{words} {more}")
    experience.used.update(used.split())
    experience.extended |= extended
    if asked.brought and not extended and "brought" not in opened:
        experience.usual.add(privileges)
    needed = _Asked(
        asked.parts | opened,
        asked.used | frozenset(used.split()),
        asked.passing or passing,
        asked.brought or extended or privileges not in experience.usual,
    )
    return Sighting(str(token), str(fingerprint)), needed


@lru_cache(maxsize=64)
def _compose(major: int, scope: Scope, asked: _Asked) -> sql.SQL:
    gates = {**_GATES, **(_SINCE_18 if major >= 18 else {})}
    subscribed = "pg_subscription" in asked.used
    more = _read(
        "sighting_more",
        subscription=_read("subscription_gate") if subscribed else _NOTHING,
        brought_gate=make_brought_gate() if asked.brought else _NOTHING,
    )
    form = Form(
        lambda catalog, condition: _select(catalog, condition, gates.get(catalog, {})),
        "sum(rows)",
        "sum(versions)",
        more,
        _read("sighting_sources"),
    )
    return sql.SQL(
        _read(
            "sighting",
            settings=_read("settings"),
            token=compose_token(major, asked.used, form, without_passing=asked.passing),
            fingerprint=compose_gated(major, scope, asked.parts),
        ).as_string()
    )


def _list_results(cursor: Cursor) -> Iterator[None]:
    """Yield for each result of a message, once it is the cursor's."""
    yield
    while cursor.nextset():
        yield


def _read(name: str, **marks: sql.Composable) -> sql.Composed:
    return sql.SQL(read_sql("schema/catalog", name)).format(**marks)


def _select(catalog: str, condition: str, gates: Mapping[str, str]) -> str:
    """Return the query for the sums over the rows of a catalog, and the words of the gates that they open."""
    words = ", ".join(f"CASE WHEN bool_or({opens}) THEN '{word}' END" for word, opens in gates.items())
    opened = f"concat_ws(' ', {words})" if words else "CAST(NULL AS text)"
    brought, number = _BROUGHT.get(catalog, ("", ""))
    privileges = f"sum({VERSION.format(number)}) FILTER (WHERE {brought})" if brought else "CAST(NULL AS numeric)"
    return (
        f"SELECT count(*) AS rows, sum({VERSION.format(0)}) AS versions, "  # noqa: S608  # our own words
        f"{opened} AS gates, {privileges} AS privileges FROM {catalog} WHERE {condition}"
    )
