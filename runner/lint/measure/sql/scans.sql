SELECT class.oid, pg_catalog.pg_stat_get_xact_numscans(class.oid)
FROM pg_catalog.pg_class AS class
WHERE class.relkind IN ('r', 'p', 'm')
    AND class.oid >= 16384
    AND pg_catalog.pg_stat_get_xact_numscans(class.oid) > 0
