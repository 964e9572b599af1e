UPDATE ONLY {schema}._migrations
SET state = 'rolled back',
    finished_at = pg_catalog.clock_timestamp(),
    proven_at = NULL
WHERE version = {version}
    -- No row, hence a refusal, if another runner has undone it meanwhile.
    AND state = 'applied'
