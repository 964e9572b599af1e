BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT pg_catalog.pg_try_advisory_xact_lock({key}) AND pg_catalog.pg_try_advisory_xact_lock_shared({work_key});
SAVEPOINT {savepoint}
