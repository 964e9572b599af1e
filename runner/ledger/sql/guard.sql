{lock};
-- Read as an integer, a reason is an error: the statements after it, which would run what was put there, never start.
SELECT CAST(CASE
    WHEN NOT ({owned}) THEN 'tenantry: owner'
    WHEN ({definition}) IS DISTINCT FROM {expected} THEN 'tenantry: not as tenantry created it'
    ELSE '1'
END AS pg_catalog.int4){versions}
