WITH
-- Read once, for all that asks for it by this name.
pg_class AS MATERIALIZED (
    SELECT oid, xmin, relkind, relpersistence, relowner, reloptions, relacl
    FROM pg_catalog.pg_class
    WHERE CAST(oid AS bigint) >= 16384 OR relacl IS NOT NULL
),
passing AS MATERIALIZED (
    SELECT oid
    FROM pg_class
    WHERE CAST(oid AS bigint) >= 16384 AND relpersistence = 't'
),
me AS MATERIALIZED (
    SELECT oid, datname
    FROM pg_database
    -- Asked once, and not for each database of the server.
    WHERE datname = (SELECT current_database())
),
catalogs AS MATERIALIZED (
    SELECT sum(hashtextextended(concat_ws(' ', relowner, relacl), CAST(oid AS bigint))) AS privileges
    FROM pg_class
    WHERE CAST(oid AS bigint) < 16384
){sources}
SELECT
    concat_ws(
        ' ',
        (SELECT system_identifier FROM pg_control_system()),
        CAST(EXTRACT(EPOCH FROM pg_postmaster_start_time()) AS text),
        (SELECT concat_ws(' ', oid, datname) FROM me),
        -- The schema says CURRENT_USER where it names this role.
        CAST(CAST(quote_ident(current_user) AS regrole) AS oid),
        {rows},
        -- Hashed before they are added: a transaction that began earlier may commit later, and plain sums may cancel.
        {versions},
        -- The versions of rows about roles, mappings and subscriptions are not for every role to read, nor are names of
        -- roles rows of this database: those that it depends on, or has settings for, are hashed themselves.
        (
            SELECT sum(hashtextextended(CAST(pg_get_userbyid(role) AS text), CAST(role AS bigint)))
            FROM (
                SELECT refobjid AS role
                FROM pg_shdepend
                WHERE refclassid = 1260 AND dbid = (SELECT oid FROM me)
                {set_roles}
            ) AS named
        ),
        -- The owner of what PostgreSQL itself brings is in none of these.
        pg_get_userbyid(10),
        'catalogs',
        (SELECT privileges FROM catalogs),
        'mappings',
        {mappings},
        'subscriptions',
        {subscriptions}
    ) AS token,
    EXISTS (SELECT FROM passing) AS passing,
    -- The catalogs that may not be left out. Looked at after the moment of which the rows are seen: what has no page by
    -- then had no row.
    concat_ws(
        ' ',
        {used},
        CASE
            WHEN EXISTS (
                SELECT
                FROM pg_depend
                WHERE refclassid = 2615
                    AND classid IN (2607, 2616, 2617, 2753, 3456, 3600, 3601, 3602, 3764)
            )
                THEN 'placed'
        END
    ) AS used{more}
FROM (
        {catalogs}
) AS counted
