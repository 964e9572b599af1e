SELECT
    CAST('pg_catalog.pg_foreign_server' AS regclass),
    server.oid,
    0,
    'server',
    quote_ident(server.srvname),
    '',
    0,
    server.srvowner,
    server.srvacl,
    acldefault('S', server.srvowner),
    false,
    ARRAY[
        'foreign data wrapper', quote_ident(wrapper.fdwname),
        'type', server.srvtype,
        'version', server.srvversion,
        'options', {server_options}
    ]
FROM pg_catalog.pg_foreign_server AS server
JOIN pg_catalog.pg_foreign_data_wrapper AS wrapper ON wrapper.oid = server.srvfdw
WHERE server.oid >= 16384
    AND NOT EXISTS (
        SELECT
        FROM member
        WHERE member.classid = CAST('pg_catalog.pg_foreign_server' AS regclass) AND member.objid = server.oid
    )
