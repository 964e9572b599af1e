-- Read as an integer, a reason is an error: the file and its COMMIT, which come before and after, are undone.
SELECT CAST(CASE WHEN {touched} THEN 'tenantry touched' ELSE '1' END AS pg_catalog.int4)
FROM (SELECT pg_catalog.pg_current_xact_id() AS id) AS own
