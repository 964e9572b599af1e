"""Drafts for the parts of a table that are no columns: constraints, indexes, triggers, rules, policies."""

from tests.unit.schema.ddl.objects import FK, INDEX, A, Case, D, T, column, part, table

CASES = {
    "primary key": Case(
        [T, column("a")],
        [T, column("a", not_null="yes"), part("constraint", "k", definition="PRIMARY KEY (a)")],
        [(A, "ALTER TABLE public.t ADD CONSTRAINT k PRIMARY KEY (a)")],
    ),
    "foreign key": Case(
        [T],
        [T, part("constraint", "k", definition=FK)],
        [
            (A, f"ALTER TABLE public.t ADD CONSTRAINT k {FK} NOT VALID"),
            (A, "ALTER TABLE public.t VALIDATE CONSTRAINT k"),
        ],
    ),
    "foreign key of a new table": Case(
        [],
        [T, part("constraint", "k", definition=FK)],
        [(A, "CREATE TABLE public.t ()"), (A, f"ALTER TABLE public.t ADD CONSTRAINT k {FK}")],
    ),
    "check not validated": Case(
        [T],
        [T, part("constraint", "k", definition="CHECK (x)", validated="no")],
        [(A, "ALTER TABLE public.t ADD CONSTRAINT k CHECK (x) NOT VALID")],
    ),
    "check validated": Case(
        [T, part("constraint", "k", definition="CHECK (x)", validated="no")],
        [T, part("constraint", "k", definition="CHECK (x)")],
        [(A, "ALTER TABLE public.t VALIDATE CONSTRAINT k")],
    ),
    "check not enforced": Case(
        [T, part("constraint", "k", definition="CHECK (x)")],
        [T, part("constraint", "k", definition="CHECK (x)", enforced="no")],
        [
            (D, "ALTER TABLE public.t DROP CONSTRAINT k"),
            (D, "ALTER TABLE public.t ADD CONSTRAINT k CHECK (x) NOT ENFORCED"),
        ],
    ),
    "constraint whose triggers are disabled": Case(
        [T, part("constraint", "k", definition=FK)],
        [T, part("constraint", "k", definition=FK, triggers="disabled")],
        [(D, "constraint public.t.k: triggers: expected disabled, found none")],
    ),
    "constraint dropped": Case(
        [T, part("constraint", "k", definition="UNIQUE (a)"), part("index", "k", definition=INDEX, constraint="k")],
        [T],
        [(D, "ALTER TABLE public.t DROP CONSTRAINT k")],
    ),
    "index": Case([T], [T, part("index", "i", definition=INDEX)], [(A, INDEX)]),
    "index of a partitioned table": Case(
        [T],
        [T, part("index", "i", definition="CREATE INDEX i ON ONLY public.t USING btree (a)")],
        [(A, INDEX)],
    ),
    "index changed": Case(
        [T, part("index", "i", definition=INDEX)],
        [T, part("index", "i", definition=INDEX + " WHERE a")],
        [(D, "DROP INDEX public.i"), (D, INDEX + " WHERE a")],
    ),
    "index not valid": Case(
        [T, part("index", "i", definition=INDEX, valid="no")],
        [T, part("index", "i", definition=INDEX)],
        [(A, "REINDEX INDEX public.i")],
    ),
    "index neither valid nor maintained": Case(
        [T, part("index", "i", definition=INDEX, valid="no", maintained="no")],
        [T, part("index", "i", definition=INDEX)],
        [(A, "REINDEX INDEX public.i")],
    ),
    "index expected not valid": Case(
        [T, part("index", "i", definition=INDEX)],
        [T, part("index", "i", definition=INDEX, valid="no")],
        [(D, "index public.i: an invalid index, as a failed CREATE INDEX CONCURRENTLY leaves it")],
    ),
    "clustered": Case(
        [T, part("index", "i", definition=INDEX)],
        [T, part("index", "i", definition=INDEX, clustered="yes")],
        [(A, "ALTER TABLE public.t CLUSTER ON i")],
    ),
    "not clustered": Case(
        [T, part("index", "i", definition=INDEX, clustered="yes")],
        [T, part("index", "i", definition=INDEX)],
        [(A, "ALTER TABLE public.t SET WITHOUT CLUSTER")],
    ),
    "replica identity by an index": Case(
        [T, part("index", "i", definition=INDEX)],
        [table(replica_identity="index"), part("index", "i", **{"definition": INDEX, "replica identity": "yes"})],
        [(A, "ALTER TABLE public.t REPLICA IDENTITY USING INDEX i")],
    ),
    "trigger": Case(
        [T],
        [T, part("trigger", "x", definition="CREATE TRIGGER x", enabled="no")],
        [(A, "CREATE TRIGGER x"), (A, "ALTER TABLE public.t DISABLE TRIGGER x")],
    ),
    "trigger changed": Case(
        [T, part("trigger", "x", definition="CREATE TRIGGER x")],
        [T, part("trigger", "x", definition="CREATE TRIGGER x AFTER")],
        [(D, "DROP TRIGGER x ON public.t"), (D, "CREATE TRIGGER x AFTER")],
    ),
    "rule": Case(
        [T, part("rule", "r", definition="CREATE RULE r AS 1;")],
        [T, part("rule", "r", definition="CREATE RULE r AS 2;", enabled="always")],
        [(A, "CREATE OR REPLACE RULE r AS 2"), (A, "ALTER TABLE public.t ENABLE ALWAYS RULE r")],
    ),
    "rule dropped": Case([T, part("rule", "r", definition="x")], [T], [(D, "DROP RULE r ON public.t")]),
    "policy": Case(
        [T],
        [T, part("policy", "p", command="SELECT", permissive="no", roles="a, b", using="(x)")],
        [(A, "CREATE POLICY p ON public.t AS RESTRICTIVE FOR SELECT TO a, b USING ((x))")],
    ),
    "policy altered": Case(
        [T, part("policy", "p", using="(x)", roles="a")],
        [T, part("policy", "p", using="(y)", check="(z)")],
        [(A, "ALTER POLICY p ON public.t TO PUBLIC USING ((y)) WITH CHECK ((z))")],
    ),
    "policy made again": Case(
        [T, part("policy", "p", using="(x)")],
        [T, part("policy", "p", command="DELETE", using="(x)")],
        [(D, "DROP POLICY p ON public.t"), (D, "CREATE POLICY p ON public.t FOR DELETE USING ((x))")],
    ),
    "statistics": Case(
        [T],
        [T, part("statistics", "s", definition="CREATE STATISTICS public.s", target="5")],
        [(A, "CREATE STATISTICS public.s"), (A, "ALTER STATISTICS public.s SET STATISTICS 5")],
    ),
    "statistics dropped": Case([T, part("statistics", "s", definition="x")], [T], [(D, "DROP STATISTICS public.s")]),
}
