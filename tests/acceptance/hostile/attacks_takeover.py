"""Records of another tool, which `import` reads: views of the attacker's in their place, and rows that lie."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tests.acceptance.hostile.attack import Attack, check_names
from tests.acceptance.hostile.attacks_rows import NASTY_SQL

_VIEWS: Mapping[str, str] = {
    "dbmate": "public.schema_migrations AS SELECT evil.spy('0001'::text) AS version",
    "alembic": "public.alembic_version AS SELECT evil.spy('x'::text) AS version_num",
    "golang-migrate": "public.schema_migrations AS SELECT evil.spy(1::bigint) AS version, false AS dirty",
    "goose": "public.goose_db_version AS SELECT 1 AS id, evil.spy(1::bigint) AS version_id, true AS is_applied, now()"
    " AS tstamp",
    "node-pg-migrate": "public.pgmigrations AS SELECT 1 AS id, evil.spy('x'::text) AS name, now() AS run_on",
    "sqlx": "public._sqlx_migrations AS SELECT evil.spy(1::bigint) AS version, now() AS installed_on, true AS success,"
    " '\\x00'::bytea AS checksum",
    "tern": "public.schema_version AS SELECT evil.spy(1) AS version",
}


def _list_takeovers() -> Iterator[Attack]:
    for tool, view in _VIEWS.items():
        yield Attack(f"import from {tool}: a view", f"CREATE VIEW {view}", run=(f"import --from {tool}",))
    table = "CREATE TABLE public.schema_migrations (version text); INSERT INTO public.schema_migrations VALUES ({})"
    dbmate = Attack("", "", run=("import", "adopt", "import write"))
    yield replace(dbmate, name="import: a version to be shown", sql=table.format(NASTY_SQL))
    yield replace(
        dbmate,
        name="import: row security",
        sql=f"{table.format(1)}; ALTER TABLE public.schema_migrations ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON"
        " public.schema_migrations USING (evil.yes(version)); ALTER TABLE public.schema_migrations FORCE ROW LEVEL"
        " SECURITY",
    )
    yield replace(
        dbmate,
        name="import: an index with a condition",
        sql=f"{table.format(1)}; CREATE INDEX ON public.schema_migrations (version) WHERE evil.yes(1)",
    )
    yield replace(
        dbmate,
        name="import: a child with a column that is computed",
        sql=f"{table.format(1)}; CREATE TABLE evil.child () INHERITS (public.schema_migrations)",
    )


ATTACKS = check_names(_list_takeovers())
