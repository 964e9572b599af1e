{lock};
-- Read as an integer, a reason is an error: the statements after it, which would run what was put there, never start.
SELECT CAST(COALESCE(({owned}), CASE
    WHEN ({definition}) IS DISTINCT FROM {expected} THEN 'tenantry: not as tenantry created it'
    ELSE '1'
END) AS pg_catalog.int4){versions}
