-- Read as an integer, a reason is an error. Operators are qualified, since the tenant's search_path is in force.
SELECT CAST(CASE
    WHEN relkind OPERATOR(pg_catalog.<>) 'r' OR relpersistence OPERATOR(pg_catalog.<>) 'p' OR relispartition
        THEN 'tenantry: not a plain table'
    WHEN relrowsecurity OR relforcerowsecurity THEN 'tenantry: row security is on'
    WHEN relhasrules OR relhastriggers OR relhassubclass THEN 'tenantry: rules, triggers or children'
    WHEN relnatts OPERATOR(pg_catalog.<>) {columns} OR relchecks OPERATOR(pg_catalog.<>) {checks}
        THEN 'tenantry: other columns or checks'
    WHEN pg_catalog.pg_get_userbyid(relowner) OPERATOR(pg_catalog.<>) current_user
        AND pg_catalog.pg_get_userbyid(relowner) OPERATOR(pg_catalog.<>) {owner} THEN 'tenantry: owner'
    ELSE '1'
END AS pg_catalog.int4)
FROM pg_catalog.pg_class
WHERE oid OPERATOR(pg_catalog.=) {table}
