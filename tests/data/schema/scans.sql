-- How often this session has read each table from end to end and not yet reported it to the shared statistics.
SELECT relname, seq_scan
FROM pg_catalog.pg_stat_xact_user_tables
WHERE schemaname = 'public'
