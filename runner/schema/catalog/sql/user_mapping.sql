-- By the view: the catalog's own options are for superusers alone.
SELECT
    NULL,
    NULL,
    0,
    'user mapping',
    'FOR ' || {mapped_word} || ' SERVER ' || quote_ident(mapping.srvname),
    '',
    0,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'options', CASE
            WHEN mapping.umoptions IS NOT NULL THEN
                (
                    SELECT string_agg({hidden_option}, ', ' ORDER BY option COLLATE "C")
                    FROM unnest(mapping.umoptions) AS option
                )
            WHEN NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
                AND NOT CASE
                    WHEN mapping.umuser = 0 THEN pg_has_role(server.srvowner, 'USAGE')
                    ELSE mapping.usename = current_user
                        AND (pg_has_role(server.srvowner, 'USAGE') OR has_server_privilege(server.oid, 'USAGE'))
                END
                THEN 'not readable for the connected role'
        END
    ]
FROM pg_catalog.pg_user_mappings AS mapping
JOIN pg_catalog.pg_foreign_server AS server ON server.oid = mapping.srvid
