-- CREATE DATABASE copies nothing of the database's own rows in the shared catalogs, and a crash empties unlogged tables.
SELECT
    me.datacl IS NULL
    AND pg_catalog.shobj_description(me.oid, 'pg_database') IS NULL
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_db_role_setting WHERE setdatabase = me.oid)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_shseclabel WHERE classoid = me.tableoid AND objoid = me.oid)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_subscription WHERE subdbid = me.oid)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots WHERE datoid = me.oid)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_prepared_xacts WHERE database = me.datname)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relpersistence = 'u')
FROM pg_catalog.pg_database AS me
WHERE me.datname = pg_catalog.current_database()
