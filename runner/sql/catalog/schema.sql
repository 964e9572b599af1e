-- Owner and grants of the schema public are the server's, and other before 15. A ledger's own schema is left out.
SELECT
    CAST('pg_catalog.pg_namespace' AS regclass) AS classid,
    oid AS objid,
    0 AS subid,
    'schema' AS kind,
    quote_ident(nspname) AS name,
    '' AS parent,
    0 AS position,
    CASE
        WHEN nspname = 'public' AND (
            nspowner = 10
            OR pg_get_userbyid(nspowner) = 'pg_database_owner'
            OR nspowner = (SELECT datdba FROM pg_catalog.pg_database WHERE datname = current_database())
        )
            THEN NULL
        ELSE nspowner
    END AS owner,
    CASE WHEN nspname = 'public' THEN coalesce(nspacl, acldefault('n', nspowner)) ELSE nspacl END AS acl,
    CASE WHEN nspname = 'public' THEN {public_acl} ELSE acldefault('n', nspowner) END AS usual,
    CAST(ARRAY[] AS text[]) AS facts
FROM namespace
WHERE nspname <> {ledger} OR nspname = 'public'
