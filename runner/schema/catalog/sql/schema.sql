-- Owner and grants of the schema public are the server's, and other before 15: schema_public.sql looks at them where
-- they are not as initdb made them. A ledger's own schema is left out.
SELECT
    CAST('pg_catalog.pg_namespace' AS regclass) AS classid,
    oid AS objid,
    0 AS subid,
    'schema' AS kind,
    quote_ident(nspname) AS name,
    '' AS parent,
    0 AS position,
    CASE WHEN nspname <> 'public' THEN nspowner END AS owner,
    CASE WHEN nspname <> 'public' THEN nspacl END AS acl,
    acldefault('n', nspowner) AS usual,
    nspname = 'public' AND NOT {public_initial} AS more,
    CAST(ARRAY[] AS text[]) AS facts
FROM namespace
WHERE nspname <> {ledger} OR nspname = 'public'
