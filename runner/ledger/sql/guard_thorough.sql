SET LOCAL search_path = '';
LOCK TABLE {tables} IN {mode} MODE;
SELECT CAST(CASE WHEN {faults} THEN 'tenantry: not as tenantry created it' ELSE '1' END AS pg_catalog.int4)
