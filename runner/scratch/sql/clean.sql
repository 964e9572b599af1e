SELECT
    (SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_') = 1
    AND (SELECT count(*) FROM pg_catalog.pg_database WHERE datname !~ '^tenantry_kept_') = 3
    AND (SELECT count(*) FROM pg_catalog.pg_tablespace) = 2
    AND (SELECT count(*) FROM pg_catalog.pg_db_role_setting) = 0
    AND (SELECT count(*) FROM pg_catalog.pg_subscription) = 0
    AND (SELECT count(*) FROM pg_catalog.pg_replication_slots) = 0
    AND (SELECT count(*) FROM pg_catalog.pg_file_settings WHERE sourcefile ~ 'postgresql[.]auto[.]conf$') = 0
