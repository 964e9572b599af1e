"""What a database says: names, comments and messages, made to look like something else on a terminal or in a CI log."""

from collections.abc import Iterator, Mapping

from tests.acceptance.hostile.attack import SHOWING, Attack, By, check_names
from tests.acceptance.hostile.attacks_rows import NASTY_SQL
from tests.acceptance.hostile.fix_hostile import FORGED

# One kind each; an identifier has 63 bytes.
_CHARACTERS: Mapping[str, str] = {
    "escape": "x\x1b[2J",
    "a new line": f"x\n{FORGED}",
    "a return": f"x\r{FORGED}",
    "a line feed and a command": "x\n::error::boo",
    "white space and a command": "x\n  ::warning::boo",
    "an older command": "x ##[error]boo",
    "a bell": "x\x07",
    "a backspace": "x\x08\x08\x08",
    "delete": "x\x7f",
    "a control of eight bits": "x\x9b2J",
    "right to left": "x\u202ecba",
    "an isolate": "x\u2066cba",
    "a mark": "x\u200fcba",
    "a line separator": f"x\u2028{FORGED}",
    "form feed": f"x\x0c{FORGED}",
    "vertical tab": f"x\x0b{FORGED}",
    "a next line": f"x\x85{FORGED}",
    "quotes": """x"'`$(id)`""",
    "markup": "x[red]y[/red] {0} %s",
    "the end of a comment": "x */ DROP TABLE rooms; --",
    "a new line and a statement": "x\nDROP TABLE rooms; --",
    "a quote and a statement": 'x"; DROP TABLE rooms; --',
}
_MIXED = f"x\x1b[2J\r\n{FORGED}\n::error::b\u202e"
_OWN = "CREATE TABLE public.own (id integer);"


def _quote(name: str) -> str:
    """Return a name as an identifier."""
    return '"' + name.replace('"', '""') + '"'


_M, _L = _quote(_MIXED), "'" + _MIXED.replace("'", "''") + "'"
_KINDS: Mapping[str, str] = {
    "a column": f"CREATE TABLE public.own ({_M} integer)",
    "a view": f"CREATE VIEW public.{_M} AS SELECT 1 AS one",
    "a view's text": f"CREATE VIEW public.own AS SELECT {_L} AS one",
    "a function": f"CREATE FUNCTION public.{_M}() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "a function's text": f"CREATE FUNCTION public.own() RETURNS text LANGUAGE sql AS $f$SELECT {_L}::text$f$",
    "an argument": f"CREATE FUNCTION public.own({_M} int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "a type": f"CREATE TYPE public.{_M} AS (a int)",
    "a label of an enum": f"CREATE TYPE public.own AS ENUM ({_L})",
    "a domain": f"CREATE DOMAIN public.{_M} AS int CHECK (VALUE > 0)",
    "a sequence": f"CREATE SEQUENCE public.{_M}",
    "an index": f"{_OWN} CREATE INDEX {_M} ON public.own (id)",
    "a constraint": f"CREATE TABLE public.own (id int CONSTRAINT {_M} CHECK (id > 0))",
    "a check's text": f"CREATE TABLE public.own (id text CHECK (id <> {_L}))",
    "a default": f"CREATE TABLE public.own (id text DEFAULT {_L})",
    "a trigger": f"{_OWN} CREATE TRIGGER {_M} BEFORE INSERT ON public.own FOR EACH ROW EXECUTE FUNCTION evil.trip()",
    "a policy": f"{_OWN} CREATE POLICY {_M} ON public.own USING (true)",
    "a rule": f"{_OWN} CREATE RULE {_M} AS ON INSERT TO public.own DO ALSO SELECT 1",
    "statistics": f"CREATE TABLE public.own (a int, b int); CREATE STATISTICS public.{_M} ON a, b FROM public.own",
    "a comment": f"{_OWN} COMMENT ON TABLE public.own IS {_L}",
    "a comment on a schema": f"COMMENT ON SCHEMA public IS {_L}",
    "a comment on the database": f"COMMENT ON DATABASE DBNAME IS {_L}",
    "a schema": f"CREATE SCHEMA {_M}",
    "a table in a schema": f"CREATE SCHEMA {_M} CREATE TABLE {_M} (i int)",
    "a setting": f"ALTER DATABASE DBNAME SET my.own = {_L}",
    "a setting of a function": "CREATE FUNCTION public.own() RETURNS int LANGUAGE sql"
    f" SET search_path = {_L} AS 'SELECT 1'",
    "a collation": f'CREATE COLLATION public.{_M} FROM "C"',
    "a text search configuration": f"CREATE TEXT SEARCH CONFIGURATION public.{_M} (COPY = simple)",
    "an operator's function": f"CREATE FUNCTION public.{_M}(int, int) RETURNS bool LANGUAGE sql AS 'SELECT true';"
    f"CREATE OPERATOR public.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = public.{_M})",
    "a publication": f"{_OWN} CREATE PUBLICATION {_M} FOR TABLE public.own",
    "a partition": f"CREATE TABLE public.own (id text) PARTITION BY LIST (id); CREATE TABLE public.{_M} PARTITION OF"
    f" public.own FOR VALUES IN ({_L})",
    "a foreign key": f"CREATE TABLE public.{_M} (id int PRIMARY KEY); CREATE TABLE public.own (id int REFERENCES"
    f" public.{_M})",
    "an option": f"CREATE FOREIGN DATA WRAPPER own; CREATE SERVER own FOREIGN DATA WRAPPER own OPTIONS (a {_L})",
}
_BY_SUPERUSER = frozenset({"an option", "a setting"})
_AUDIT = (
    "CREATE FUNCTION public.audit() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN {} RETURN NEW; END $f$;"
    "CREATE TRIGGER audit BEFORE INSERT ON public.rooms FOR EACH ROW EXECUTE FUNCTION public.audit()"
)
# What a trigger says while a reviewed file writes to its table: there it is meant to run.
_SAID: Mapping[str, str] = {
    "a notice": f"RAISE NOTICE '%', {NASTY_SQL};",
    "a warning": f"RAISE WARNING '%', {NASTY_SQL};",
    "an error": f"RAISE EXCEPTION '%', {NASTY_SQL};",
    "a detail": f"RAISE EXCEPTION 'x' USING DETAIL = {NASTY_SQL};",
    "a hint": f"RAISE EXCEPTION 'x' USING HINT = {NASTY_SQL};",
    "a detail of a notice": f"RAISE NOTICE 'x' USING DETAIL = {NASTY_SQL}, HINT = {NASTY_SQL};",
    "names": f"RAISE EXCEPTION 'x' USING TABLE = {NASTY_SQL}, COLUMN = {NASTY_SQL}, CONSTRAINT = {NASTY_SQL},"
    f" SCHEMA = {NASTY_SQL}, DATATYPE = {NASTY_SQL};",
    "a context": f"EXECUTE {NASTY_SQL};",
    "an error that is not one: a lock": "RAISE EXCEPTION 'x' USING ERRCODE = '55P03';",
    "an error that is not one: a deadlock": "RAISE EXCEPTION 'x' USING ERRCODE = '40P01';",
    "an error that is not one: serialization": "RAISE EXCEPTION 'x' USING ERRCODE = '40001';",
    "an error that is not one: cancelled": "RAISE EXCEPTION 'x' USING ERRCODE = '57014';",
    "an error that is not one: shut down": "RAISE EXCEPTION 'x' USING ERRCODE = '57P01';",
    "an error that is not one: no such table": "RAISE EXCEPTION 'x' USING ERRCODE = '42P01';",
    "an error that is not one: corruption": "RAISE EXCEPTION 'x' USING ERRCODE = 'XX001';",
    "an error without a text": "RAISE EXCEPTION '';",
    "a megabyte of notices": "FOR i IN 1..1000 LOOP RAISE NOTICE '%', repeat('x', 1000); END LOOP;",
    "a notification": f"PERFORM pg_notify('own', {NASTY_SQL});",
    "the end of the session": "PERFORM pg_terminate_backend(pg_backend_pid());",
}
# What a trigger does while a reviewed file writes to its table, to what surrounds that file.
_DONE: Mapping[str, str] = {
    "it deletes the ledger's rows": "DELETE FROM public._migrations;",
    "it deletes the log": "DELETE FROM public._migrations_log;",
    "it drops the ledger": "DROP TABLE public._migrations CASCADE;",
    "it drops the log": "DROP TABLE public._migrations_log CASCADE;",
    "it renames the ledger": "ALTER TABLE public._migrations RENAME TO was;",
    "it records the file itself": "INSERT INTO public._migrations SELECT 3, name, checksum, origin, state, set_name,"
    " tenant, started_at, finished_at, elapsed_ms, statements, statements_done, applied_by, run_id, tool_version,"
    " git_commit, sql_text, layout, proven_at, rollback_text, progress FROM public._migrations WHERE version = 2;",
    "it puts a trigger on the ledger": "CREATE TRIGGER t BEFORE INSERT ON public._migrations FOR EACH ROW EXECUTE"
    " FUNCTION evil.swallow();",
    "it sets the search_path": "PERFORM set_config('search_path', 'evil', false);",
    "it sets the session to replicate": "PERFORM set_config('session_replication_role', 'replica', false);",
    "it sets another role": "PERFORM set_config('role', 'ATTACKER', false);",
    "it switches off what is durable": "PERFORM set_config('synchronous_commit', 'off', false);",
    "it lets nothing be written": "PERFORM set_config('transaction_read_only', 'on', false);",
    "it releases our locks": "PERFORM pg_advisory_unlock_all();",
    "it swallows the row": "RETURN NULL;",
}


def _list_names() -> Iterator[Attack]:
    for name, characters in _CHARACTERS.items():
        yield Attack(f"a name: {name}", f"CREATE TABLE public.{_quote(characters)} (id integer)", run=SHOWING)
    for name, text in _KINDS.items():
        by = By.SUPERUSER if name in _BY_SUPERUSER else By.ATTACKER
        yield Attack(f"nasty: {name}", text, by=by, run=SHOWING)
    for name, role in {"quotes": "x\"y'z", "escape": "x\x1b[2J", "a new line": f"x\n{FORGED}"}.items():
        # A role is of the whole server: it is gone with the database's rights to it.
        yield Attack(
            f"a role's name: {name}",
            f"GRANT SELECT ON public.rooms TO {_quote(role)}",
            by=By.SUPERUSER,
            first=f"DO $d$ BEGIN CREATE ROLE {_quote(role)}; EXCEPTION WHEN duplicate_object THEN NULL; END $d$",
            run=SHOWING,
        )


def _list_messages() -> Iterator[Attack]:
    for name, text in _SAID.items():
        yield Attack(f"a trigger says: {name}", _AUDIT.format(text), by=By.RUNNER, run=("migrate", "log", "status"))
    for name, text in _DONE.items():
        yield Attack(
            f"a trigger does: {name}", _AUDIT.format(text), by=By.RUNNER, run=("migrate", "status", "verify again")
        )
    yield Attack(
        "rows in a message",
        f"ALTER TABLE public.rooms ADD COLUMN extra text DEFAULT {NASTY_SQL}, ADD CHECK (id > 100)",
        by=By.RUNNER,
        run=("migrate", "log", "status"),
    )
    yield Attack(
        "rows in a message: a check fails",
        f"ALTER TABLE public.rooms ADD CONSTRAINT {_M} CHECK (id > 100)",
        by=By.RUNNER,
        run=("migrate", "log", "status"),
    )
    read = "a reviewed query reads what is a view by now"
    # A query of a check or an assertion runs what has the name by now, as docs/explained/trust.md says: it is reviewed,
    # and it may name a view or a function. What is wanted of these is only that nothing is shown raw, or ends in a bug.
    replaced = (
        "DROP VIEW public.room_names; ALTER TABLE public.rooms RENAME TO was; CREATE VIEW public.rooms AS"
        " SELECT 1 AS id, 'x'::text AS name WHERE evil.yes(1)"
    )
    yield Attack(
        f"{read}: a check",
        replaced,
        by=By.SUPERUSER,
        trusted=True,
        files={"migrations/tenant/checks/rooms.sql": "SELECT id, name FROM public.rooms;\n"},
        run=("verify", "drift"),
    )
    yield Attack(
        f"{read}: a repeatable view",
        "DROP VIEW public.room_names; CREATE VIEW public.room_names AS SELECT evil.same('x'::text) AS name",
        trusted=True,
        files={"migrations/tenant/checks/rooms.sql": "SELECT name FROM public.room_names;\n"},
        run=("verify", "drift"),
    )
    yield Attack(
        f"{read}: an assertion",
        replaced,
        by=By.SUPERUSER,
        trusted=True,
        files={"migrations/tenant/0004_none.sql": "-- require: SELECT count(id) >= 0 FROM public.rooms\nSELECT 1;\n"},
        run=("plan", "dry run"),
    )
    yield Attack(
        "a function of a check is replaced",
        "CREATE FUNCTION public.is_well() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN PERFORM evil.fire(); RETURN true;"
        " END'",
        trusted=True,
        files={"migrations/tenant/checks/well.sql": "SELECT public.is_well();\n"},
        run=("verify", "drift"),
    )


ATTACKS = check_names((*_list_names(), *_list_messages()))
