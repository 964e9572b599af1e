ROLLBACK TO SAVEPOINT {savepoint};
DEALLOCATE ALL;
SELECT pg_catalog.pg_advisory_unlock_all()
