-- No relation that was made after initdb: operators are qualified, since the tenant's search_path is in force.
SELECT NOT EXISTS (
    SELECT FROM pg_catalog.pg_class
    WHERE oid OPERATOR(pg_catalog.>=) 16384
        AND relkind OPERATOR(pg_catalog.=) ANY (CAST(ARRAY['r', 'p', 'v', 'm', 'f', 'c'] AS pg_catalog."char"[]))
        AND relname OPERATOR(pg_catalog.<>) ALL (CAST(ARRAY[{tables}] AS pg_catalog.name[]))
)
