"""Something else in the place of a table of ours: a view, a foreign table, a sequence, a ledger of the attacker's."""

from collections.abc import Iterator
from dataclasses import replace

from tenantry.postgres.queries import read_sql
from tests.acceptance.hostile.attack import LEDGER, LOG, REPEATABLE, VERBS, Attack, By, Start, check_names

_COMMENT = "tenantry ledger, layout 1: one row for each migration"
_COLUMNS = (
    "version, {name}, checksum, origin, state, set_name, tenant, started_at, finished_at, elapsed_ms, statements,"
    " statements_done, applied_by, run_id, tool_version, git_commit, sql_text, layout, proven_at, rollback_text,"
    " progress"
)
SPYING = _COLUMNS.format(name="evil.spy(name) AS name")
_PLAIN = _COLUMNS.format(name="name")
_DROP = "DROP TABLE public._migrations CASCADE;\n"
_COMMENTED = f";\nCOMMENT ON {{}} public._migrations IS '{_COMMENT}'"
_TYPED = (
    "version bigint, name text, checksum text, origin text, state text, set_name text, tenant text, started_at"
    " timestamptz, finished_at timestamptz, elapsed_ms bigint, statements integer, statements_done integer, applied_by"
    " text, run_id uuid, tool_version text, git_commit text, sql_text text, layout smallint, proven_at timestamptz,"
    " rollback_text text, progress jsonb"
)
# The ledger's own definition, as the attacker reads it in the repository.
LEDGER_DDL = read_sql("ledger", "create").format(schema="public", comment=f"'{_COMMENT}'") + ";\n"
REPEATABLE_DDL = read_sql("ledger", "create_repeatable").format(schema="public") + ";\n"
FILLED = "INSERT INTO public._migrations SELECT * FROM evil.migrations;\n"


def _view(name: str, query: str, *, more: str = "") -> Attack:
    return Attack(name, f"{_DROP}CREATE VIEW public._migrations AS {query}{_COMMENTED.format('VIEW')};\n{more}")


_VIEWS = (
    replace(_view("a view whose column calls a function", f"SELECT {SPYING} FROM evil.migrations"), run=tuple(VERBS)),
    _view("a view whose condition calls a function", f"SELECT {_PLAIN} FROM evil.migrations WHERE evil.yes(version)"),
    _view("a view over a function", f"SELECT {_PLAIN} FROM evil.migrations, LATERAL (SELECT evil.fire()) AS fired"),
    _view("a view whose order calls a function", f"SELECT {_PLAIN} FROM evil.migrations ORDER BY evil.same(version)"),
    _view(
        "a view with the reader's rights",
        f"SELECT {SPYING} FROM evil.migrations;\nALTER VIEW public._migrations SET (security_invoker = true)",
    ),
    _view(
        "a view that reads passwords with the reader's rights",
        "SELECT "
        + _COLUMNS.format(name="(SELECT string_agg(concat(rolname, rolpassword), ' ') FROM pg_authid) AS name")
        + " FROM evil.migrations;\nALTER VIEW public._migrations SET (security_invoker = true)",
    ),
    _view(
        "a view that answers otherwise each time",
        f"SELECT {_PLAIN} FROM evil.migrations WHERE random() < 0.5",
    ),
    _view(
        "a view that counts how often it was read",
        f"SELECT {_PLAIN} FROM evil.migrations WHERE nextval('evil.turn') % 2 = 0",
        more="",
    ),
    _view(
        "a view that takes writes by triggers",
        f"SELECT {_PLAIN} FROM evil.migrations",
        more="CREATE TRIGGER t INSTEAD OF INSERT OR UPDATE OR DELETE ON public._migrations FOR EACH ROW"
        " EXECUTE FUNCTION evil.trip();",
    ),
    _view(
        "a view that takes writes by rules",
        f"SELECT {_PLAIN} FROM evil.migrations",
        more="CREATE RULE a AS ON INSERT TO public._migrations DO INSTEAD SELECT evil.fire();"
        "CREATE RULE b AS ON UPDATE TO public._migrations DO INSTEAD SELECT evil.fire();"
        "CREATE RULE c AS ON DELETE TO public._migrations DO INSTEAD SELECT evil.fire();",
    ),
    _view("a view that can be written to", f"SELECT {_PLAIN} FROM evil.migrations"),
    _view(
        "a recursive view",
        f"WITH RECURSIVE r AS (SELECT * FROM evil.migrations UNION SELECT * FROM r WHERE evil.yes(version)) "
        f"SELECT {_PLAIN} FROM r",
    ),
    replace(
        _view(
            "a view that takes its time", f"SELECT {_PLAIN} FROM evil.migrations, LATERAL (SELECT pg_sleep(2)) AS slept"
        ),
        run=("status", "verify", "migrate"),
    ),
)
_OTHERS = (
    Attack(
        "a materialized view",
        f"{_DROP}CREATE MATERIALIZED VIEW public._migrations AS SELECT {_PLAIN} FROM evil.migrations"
        f"{_COMMENTED.format('MATERIALIZED VIEW')};\nCREATE INDEX ON public._migrations (version) WHERE evil.yes(1)",
    ),
    Attack(
        "a foreign table onto a file",
        f"{_DROP}CREATE FOREIGN TABLE public._migrations ({_TYPED}) SERVER files"
        " OPTIONS (filename '/dev/null')" + _COMMENTED.format("FOREIGN TABLE"),
        first="CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;"
        "GRANT USAGE ON FOREIGN SERVER files TO ATTACKER; GRANT pg_read_server_files TO ATTACKER",
    ),
    Attack(
        "a foreign table onto another database",
        f"{_DROP}CREATE FOREIGN TABLE public._migrations ({_TYPED}) SERVER far OPTIONS (schema_name 'evil', table_name"
        " 'migrations')" + _COMMENTED.format("FOREIGN TABLE"),
        first="CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname"
        " 'DBNAME'); GRANT USAGE ON FOREIGN SERVER far TO ATTACKER; CREATE USER MAPPING FOR PUBLIC SERVER far",
    ),
    Attack(
        "a partitioned table",
        f"{_DROP}CREATE TABLE public._migrations (LIKE evil.migrations) PARTITION BY RANGE (version)"
        f"{_COMMENTED.format('TABLE')};\nCREATE TABLE evil.part PARTITION OF public._migrations DEFAULT;{FILLED}"
        "CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON evil.part FOR EACH ROW EXECUTE FUNCTION evil.trip();",
    ),
    Attack(
        "a partitioned table by an expression",
        f"{_DROP}CREATE TABLE public._migrations (LIKE evil.migrations) PARTITION BY LIST (evil.same(version))"
        f"{_COMMENTED.format('TABLE')};\nCREATE TABLE evil.part PARTITION OF public._migrations DEFAULT;{FILLED}",
    ),
    Attack(
        "a table with a child that adds rows",
        f"{_DROP}{LEDGER_DDL.split('CREATE TABLE public._migrations_log')[0]}"
        f"CREATE TABLE evil.child () INHERITS (public._migrations);"
        "INSERT INTO evil.child SELECT * FROM evil.migrations;",
    ),
    Attack("a sequence", f"{_DROP}CREATE SEQUENCE public._migrations"),
    Attack("a composite type", f"{_DROP}CREATE TYPE public._migrations AS (version bigint, name text)"),
    Attack("an index", f"{_DROP}CREATE TABLE public.t (i int); CREATE INDEX _migrations ON public.t (evil.same(i))"),
    Attack(
        "a table of a type",
        f"CREATE TYPE evil.typed AS ({_TYPED});\n{_DROP}CREATE TABLE public._migrations OF evil.typed"
        f"{_COMMENTED.format('TABLE')};\n{FILLED}",
    ),
    Attack(
        "a table with columns of other types",
        f"{_DROP}CREATE TABLE public._migrations AS SELECT version::text, name::varchar, {_PLAIN.split(', ', 2)[2]}"
        f" FROM evil.migrations{_COMMENTED.format('TABLE')}",
    ),
)
# A name that is taken, but by nothing that can be read.
_TYPES = (
    Attack("an enum of the ledger's name", f"{_DROP}CREATE TYPE public._migrations AS ENUM ('a')"),
    Attack("a domain of the ledger's name", f"{_DROP}CREATE DOMAIN public._migrations AS int CHECK (evil.yes(VALUE))"),
    Attack("the ledger is dropped", _DROP),
    Attack("the ledger and its log are dropped", f"{_DROP}DROP TABLE public._migrations_log"),
    Attack("all that is in schema public is dropped", "DROP SCHEMA public CASCADE; CREATE SCHEMA public"),
    Attack("schema public is dropped", "DROP SCHEMA public CASCADE"),
    Attack("schema public is renamed", "ALTER SCHEMA public RENAME TO was_public"),
    Attack(
        "schema public is exchanged",
        f"ALTER SCHEMA public RENAME TO was_public; CREATE SCHEMA public; {LEDGER_DDL} {FILLED}"
        "CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON public._migrations FOR EACH ROW"
        " EXECUTE FUNCTION evil.trip()",
        refused=LEDGER,
    ),
    Attack("nobody may use schema public", "REVOKE ALL ON SCHEMA public FROM PUBLIC, RUNNER"),
)


def _list_logs() -> Iterator[Attack]:
    """Yield the same of the other tables."""
    view = "DROP TABLE public.{0}; CREATE VIEW public.{0} AS SELECT {1} FROM evil.{2}"
    log = "id, at, run_id, version, evil.spy(event) AS event, checksum, applied_by, reason, detail"
    yield Attack("a view in the log's place", view.format("_migrations_log", log, "migrations_log"), refused=LOG)
    repeatable = (
        "evil.spy(name) AS name, checksum, set_name, tenant, applied_at, elapsed_ms, applied_by, run_id, tool_version,"
        " git_commit, sql_text"
    )
    yield Attack(
        "a view in the place of the repeatables",
        view.format("_migrations_repeatable", repeatable, "migrations_repeatable"),
        refused=REPEATABLE,
    )
    yield Attack("the log is dropped", "DROP TABLE public._migrations_log")
    yield Attack("the repeatables are dropped", "DROP TABLE public._migrations_repeatable")
    yield Attack(
        "a materialized view in the log's place",
        "DROP TABLE public._migrations_log; CREATE MATERIALIZED VIEW public._migrations_log AS SELECT * FROM"
        " evil.migrations_log",
        refused=LOG,
    )
    yield Attack(
        "a partitioned log",
        "DROP TABLE public._migrations_log; CREATE TABLE public._migrations_log (LIKE evil.migrations_log) PARTITION"
        " BY LIST (event); CREATE TABLE evil.part PARTITION OF public._migrations_log DEFAULT; CREATE TRIGGER t BEFORE"
        " INSERT ON evil.part FOR EACH ROW EXECUTE FUNCTION evil.trip()",
        refused=LOG,
    )


_TURN = "CREATE SEQUENCE evil.turn; GRANT ALL ON SEQUENCE evil.turn TO PUBLIC;\n"
ATTACKS = check_names(
    (
        *(
            replace(one, sql=f"{_TURN}{one.sql}" if "evil.turn" in one.sql else one.sql, refused=LEDGER)
            for one in _VIEWS
        ),
        *(replace(one, refused=LEDGER) for one in _OTHERS),
        *_TYPES,
        *_list_logs(),
        Attack(
            "a view in an empty database",
            f"CREATE TABLE evil.migrations ({_TYPED});"
            f"CREATE VIEW public._migrations AS SELECT {SPYING} FROM evil.migrations",
            start=Start.EMPTY,
            refused=LEDGER,
        ),
        Attack(
            "a superuser's view",
            f"{_DROP}CREATE VIEW public._migrations AS SELECT {SPYING} FROM evil.migrations{_COMMENTED.format('VIEW')}",
            by=By.SUPERUSER,
            refused=LEDGER,
        ),
    )
)
