"""Planted differences of what belongs to a table: constraints, indexes, triggers, rules and policies."""

from tests.integration.fix_catalog import planted
from tests.integration.schema.differences.tables import TABLE

TRIGGER = """
    CREATE TABLE sessions (id integer);
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
    CREATE TRIGGER touched BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION touch()
"""
INVALID = "UPDATE pg_catalog.pg_index SET indisvalid = false WHERE indexrelid = CAST('sessions_notes' AS regclass)"
FOREIGN_KEY = """
    CREATE TABLE rooms (id integer PRIMARY KEY);
    CREATE TABLE sessions (room integer CONSTRAINT in_room REFERENCES rooms)
"""
SHOWN_INDEX = "CREATE INDEX sessions_notes ON public.sessions USING btree (notes)"

CASES = {
    "constraint missing": planted(
        "CREATE TABLE a (b integer CONSTRAINT positive CHECK (b > 0))",
        "ALTER TABLE a DROP CONSTRAINT positive",
        "constraint a.positive: missing, expected CHECK ((b > 0))",
    ),
    "constraint of a check": planted(
        "CREATE TABLE a (b integer CONSTRAINT positive CHECK (b > 0))",
        "ALTER TABLE a DROP CONSTRAINT positive, ADD CONSTRAINT positive CHECK (b > 1)",
        "constraint a.positive: definition CHECK ((b > 1)), expected CHECK ((b > 0))",
    ),
    "constraint not validated": planted(
        "CREATE TABLE a (b integer CONSTRAINT positive CHECK (b > 0))",
        "ALTER TABLE a DROP CONSTRAINT positive, ADD CONSTRAINT positive CHECK (b > 0) NOT VALID",
        "constraint a.positive: NOT VALID",
    ),
    "constraint validated": planted(
        "CREATE TABLE a (b integer); ALTER TABLE a ADD CONSTRAINT positive CHECK (b > 0) NOT VALID",
        "ALTER TABLE a VALIDATE CONSTRAINT positive",
        "constraint a.positive: validated, expected NOT VALID",
    ),
    "foreign key action": planted(
        FOREIGN_KEY,
        "ALTER TABLE sessions DROP CONSTRAINT in_room, "
        "ADD CONSTRAINT in_room FOREIGN KEY (room) REFERENCES rooms ON DELETE CASCADE",
        "constraint sessions.in_room: definition FOREIGN KEY (room) REFERENCES public.rooms(id) ON DELETE CASCADE, "
        "expected FOREIGN KEY (room) REFERENCES public.rooms(id)",
    ),
    "foreign key deferred": planted(
        FOREIGN_KEY,
        "ALTER TABLE sessions ALTER CONSTRAINT in_room DEFERRABLE",
        "constraint sessions.in_room: definition FOREIGN KEY (room) REFERENCES public.rooms(id) DEFERRABLE, "
        "expected FOREIGN KEY (room) REFERENCES public.rooms(id)",
    ),
    "foreign key that is not looked at": planted(
        FOREIGN_KEY,
        "ALTER TABLE rooms DISABLE TRIGGER ALL",
        "constraint sessions.in_room: not enforced, its triggers are disabled",
    ),
    "primary key missing": planted(
        "CREATE TABLE a (b integer NOT NULL); ALTER TABLE a ADD CONSTRAINT a_pkey PRIMARY KEY (b); "
        "COMMENT ON INDEX a_pkey IS 'x'",
        "ALTER TABLE a DROP CONSTRAINT a_pkey",
        "constraint a.a_pkey: missing, expected PRIMARY KEY (b)",
    ),
    "unique constraint that is an index": planted(
        "CREATE TABLE a (b integer CONSTRAINT a_b UNIQUE)",
        "ALTER TABLE a DROP CONSTRAINT a_b; CREATE UNIQUE INDEX a_b ON a (b)",
        "constraint a.a_b: missing, expected UNIQUE (b)",
        "index a_b: constraint none, expected a_b",
    ),
    "index missing": planted(
        f"{TABLE}; CREATE INDEX sessions_notes ON sessions (notes)",
        "DROP INDEX sessions_notes",
        f"index sessions_notes: missing, expected {SHOWN_INDEX}",
    ),
    "index extra": planted(
        TABLE,
        "CREATE INDEX sessions_notes ON sessions (notes)",
        f"index sessions_notes: extra, found {SHOWN_INDEX}",
    ),
    "index invalid": planted(
        f"{TABLE}; CREATE INDEX sessions_notes ON sessions (notes)", INVALID, "index sessions_notes: INVALID"
    ),
    "index predicate": planted(
        f"{TABLE}; CREATE INDEX sessions_notes ON sessions (notes)",
        "DROP INDEX sessions_notes; CREATE INDEX sessions_notes ON sessions (notes) WHERE id > 0",
        f"index sessions_notes: definition {SHOWN_INDEX} WHERE (id > 0), expected {SHOWN_INDEX}",
    ),
    "index clustered": planted(
        TABLE, "ALTER TABLE sessions CLUSTER ON sessions_pkey", "index sessions_pkey: clustered yes, expected none"
    ),
    "trigger missing": planted(
        TRIGGER,
        "DROP TRIGGER touched ON sessions",
        "trigger sessions.touched: missing, expected CREATE TRIGGER touched BEFORE INSERT ON public.sessions "
        "FOR EACH ROW EXECUTE FUNCTION public.touch()",
    ),
    "trigger definition": planted(
        TRIGGER,
        "DROP TRIGGER touched ON sessions; "
        "CREATE TRIGGER touched AFTER INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION touch()",
        "trigger sessions.touched: definition CREATE TRIGGER touched AFTER INSERT ON public.sessions FOR EACH ROW "
        "EXECUTE FUNCTION public.touch(), expected CREATE TRIGGER touched BEFORE INSERT ON public.sessions "
        "FOR EACH ROW EXECUTE FUNCTION public.touch()",
    ),
    "trigger disabled": planted(
        TRIGGER, "ALTER TABLE sessions DISABLE TRIGGER touched", "trigger sessions.touched: disabled"
    ),
    "trigger enabled always": planted(
        TRIGGER,
        "ALTER TABLE sessions ENABLE ALWAYS TRIGGER touched",
        "trigger sessions.touched: enabled always, expected yes",
    ),
    "rule": planted(
        f"{TABLE}; CREATE RULE kept AS ON DELETE TO sessions DO INSTEAD NOTHING",
        "CREATE OR REPLACE RULE kept AS ON DELETE TO sessions WHERE old.id > 1 DO INSTEAD NOTHING",
        "rule sessions.kept: definition differs",
    ),
    "policy missing": planted(
        f"{TABLE}; CREATE POLICY own ON sessions USING (id > 1)",
        "DROP POLICY own ON sessions",
        "policy sessions.own: missing",
    ),
    "policy condition": planted(
        f"{TABLE}; CREATE POLICY own ON sessions USING (id > 1)",
        "ALTER POLICY own ON sessions USING (id > 2) WITH CHECK (true)",
        "policy sessions.own: check true, expected none",
        "policy sessions.own: using (id > 2), expected (id > 1)",
    ),
    "policy roles": planted(
        f"{TABLE}; CREATE POLICY own ON sessions USING (id > 1)",
        "ALTER POLICY own ON sessions TO CURRENT_USER, rt_other",
        "policy sessions.own: roles CURRENT_USER, rt_other, expected none",
    ),
    "policy restrictive": planted(
        f"{TABLE}; CREATE POLICY own ON sessions FOR SELECT USING (true)",
        "DROP POLICY own ON sessions; CREATE POLICY own ON sessions AS RESTRICTIVE FOR DELETE USING (true)",
        "policy sessions.own: command DELETE, expected SELECT",
        "policy sessions.own: permissive no, expected yes",
    ),
    "rule disabled": planted(
        f"{TABLE}; CREATE RULE kept AS ON DELETE TO sessions DO INSTEAD NOTHING",
        "ALTER TABLE sessions DISABLE RULE kept",
        "rule sessions.kept: enabled no, expected yes",
    ),
}
