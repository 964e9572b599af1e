CASE
    WHEN pg_catalog.current_setting('session_replication_role') OPERATOR(pg_catalog.=) 'replica'
    THEN pg_catalog.set_config('session_replication_role', 'origin', {local})
END
