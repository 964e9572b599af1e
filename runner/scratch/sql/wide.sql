SELECT pg_catalog.md5(COALESCE(pg_catalog.string_agg(said, ' ' ORDER BY said), ''))
FROM (
    SELECT CAST(ROW('role', role.oid, role.*) AS text) AS said
    FROM pg_catalog.pg_roles AS role
    WHERE role.rolname !~ '^pg_'
    UNION ALL
    SELECT CAST(ROW('member', member.*) AS text)
    FROM pg_catalog.pg_auth_members AS member
    UNION ALL
    -- Those of a single database are of the scratch databases, and go with them.
    SELECT CAST(ROW('setting', setting.*) AS text)
    FROM pg_catalog.pg_db_role_setting AS setting
    WHERE setting.setdatabase = 0
    UNION ALL
    SELECT CAST(ROW('space', space.*) AS text)
    FROM pg_catalog.pg_tablespace AS space
    UNION ALL
    SELECT CAST(ROW('slot', slot.slot_name) AS text)
    FROM pg_catalog.pg_replication_slots AS slot
    UNION ALL
    SELECT CAST(ROW('subscription', subscription.oid) AS text)
    FROM pg_catalog.pg_subscription AS subscription
    UNION ALL
    SELECT CAST(ROW('file', file.name, file.setting) AS text)
    FROM pg_catalog.pg_file_settings AS file
    WHERE file.sourcefile ~ 'postgresql[.]auto[.]conf$'
    UNION ALL
    SELECT CAST(ROW('database', database.datname, database.datacl) AS text)
    FROM pg_catalog.pg_database AS database
    WHERE database.datname !~ '^tenantry_(kept|scratch)_'
    UNION ALL
    SELECT CAST(ROW('description', description.objoid, description.description) AS text)
    FROM pg_catalog.pg_shdescription AS description
    WHERE description.classoid <> CAST('pg_catalog.pg_database' AS regclass)
) AS told
