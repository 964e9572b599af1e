-- Together with what table.sql says of it.
SELECT
    NULL,
    NULL,
    0,
    relation.kind,
    relation.name,
    '',
    0,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'server', quote_ident(server.srvname),
        'options', CASE WHEN foreign_table.ftoptions IS NOT NULL THEN
            (SELECT string_agg({option}, ', ' ORDER BY option COLLATE "C") FROM unnest(foreign_table.ftoptions) AS option)
        END
    ]
FROM relation
JOIN pg_catalog.pg_foreign_table AS foreign_table ON foreign_table.ftrelid = relation.oid
JOIN pg_catalog.pg_foreign_server AS server ON server.oid = foreign_table.ftserver
