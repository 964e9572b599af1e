UPDATE ONLY {schema}._migrations
SET statements_done = {done}, progress = CAST({progress} AS pg_catalog.jsonb)
WHERE version = {version}
