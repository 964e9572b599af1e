(SELECT string_agg(DISTINCT 'subscription', '') FROM pg_catalog.pg_subscription WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = (SELECT current_database())))
