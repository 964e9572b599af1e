SELECT
    datname,
    -- Every change of the row is a new version of it, but for those of vacuum, which keep the number.
    pg_catalog.concat_ws(' ', oid, xmin, datallowconn),
    pg_catalog.shobj_description(oid, 'pg_database'),
    pg_catalog.pg_database_size(oid)
FROM pg_catalog.pg_database
WHERE datname LIKE 'tenantry\_kept\_%'
    AND datdba = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = CURRENT_USER)
