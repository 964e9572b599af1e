SET LOCAL search_path = '';
LOCK TABLE {tables} IN {mode} MODE;
-- Read as an integer, a reason is an error: the statements after it, which would run what was put there, never start.
SELECT CAST(CASE
    WHEN relkind <> 'r' OR relpersistence <> 'p' OR relispartition THEN 'tenantry: not a plain table'
    WHEN relrowsecurity OR relforcerowsecurity THEN 'tenantry: row security is on'
    WHEN relhasrules THEN 'tenantry: rules'
    WHEN relhastriggers THEN 'tenantry: triggers'
    WHEN relhassubclass THEN 'tenantry: children'
    WHEN pg_catalog.pg_get_userbyid(relowner) NOT IN (current_user, {owner}) THEN 'tenantry: owner'
    ELSE '1'
END AS pg_catalog.int4)
FROM pg_catalog.pg_class
WHERE oid IN ({relations})
