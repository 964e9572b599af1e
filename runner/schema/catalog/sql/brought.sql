-- Privileges on what PostgreSQL or an extension brings, where they are not as it brought them.
SELECT
    NULL,
    NULL,
    0,
    'privileges',
    brought.name,
    '',
    0,
    NULL,
    brought.acl,
    coalesce(initial.initprivs, brought.usual),
    false,
    CAST(NULL AS text[])
FROM (
    SELECT
        class.tableoid AS classid,
        class.oid AS objid,
        0 AS subid,
        CASE class.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || CAST(CAST(class.oid AS regclass) AS text) AS name,
        class.relacl AS acl,
        acldefault(CASE class.relkind WHEN 'S' THEN CAST('s' AS "char") ELSE 'r' END, class.relowner) AS usual
    FROM pg_catalog.pg_class AS class
    -- The views of information_schema show each role its own, and their privileges are in no pg_init_privs.
    JOIN pg_catalog.pg_namespace AS space ON space.oid = class.relnamespace AND space.nspname <> 'information_schema'
    WHERE class.relacl IS NOT NULL AND class.relpersistence <> 't'
    UNION ALL
    SELECT
        CAST('pg_catalog.pg_class' AS regclass),
        attribute.attrelid,
        attribute.attnum,
        'COLUMN ' || CAST(CAST(attribute.attrelid AS regclass) AS text) || '.' || quote_ident(attribute.attname),
        attribute.attacl,
        NULL
    FROM pg_catalog.pg_attribute AS attribute
    WHERE attribute.attacl IS NOT NULL
    UNION ALL
    SELECT
        proc.tableoid,
        proc.oid,
        0,
        'ROUTINE ' || CAST(CAST(proc.oid AS regprocedure) AS text),
        proc.proacl,
        acldefault('f', proc.proowner)
    FROM pg_catalog.pg_proc AS proc
    WHERE proc.proacl IS NOT NULL
    UNION ALL
    SELECT
        base.tableoid,
        base.oid,
        0,
        -- Not format_type, whose names of built-in types GRANT does not know.
        'TYPE '
            || CASE space.nspname WHEN 'pg_catalog' THEN '' ELSE quote_ident(space.nspname) || '.' END
            || quote_ident(base.typname),
        base.typacl,
        acldefault('T', base.typowner)
    FROM pg_catalog.pg_type AS base
    JOIN pg_catalog.pg_namespace AS space ON space.oid = base.typnamespace
    WHERE base.typacl IS NOT NULL
    UNION ALL
    SELECT
        space.tableoid,
        space.oid,
        0,
        'SCHEMA ' || quote_ident(space.nspname),
        space.nspacl,
        acldefault('n', space.nspowner)
    FROM pg_catalog.pg_namespace AS space
    WHERE space.nspacl IS NOT NULL AND space.nspname = 'pg_catalog'
    UNION ALL
    SELECT
        language.tableoid,
        language.oid,
        0,
        'LANGUAGE ' || quote_ident(language.lanname),
        language.lanacl,
        acldefault('l', language.lanowner)
    FROM pg_catalog.pg_language AS language
    WHERE language.lanacl IS NOT NULL
) AS brought
LEFT JOIN pg_catalog.pg_init_privs AS initial
    ON initial.classoid = brought.classid
    AND initial.objoid = brought.objid
    AND initial.objsubid = brought.subid
WHERE brought.acl IS DISTINCT FROM initial.initprivs
    AND (
        brought.objid < 16384
        OR (brought.classid, brought.objid) IN (SELECT member.classid, member.objid FROM member)
    )
