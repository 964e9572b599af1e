BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT pg_catalog.pg_try_advisory_xact_lock({key});
SAVEPOINT tenantry_file
