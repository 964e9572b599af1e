UPDATE ONLY {schema}._migrations
SET state = {state},
    finished_at = CASE WHEN {state} = 'applied' THEN pg_catalog.clock_timestamp() END,
    elapsed_ms = CASE WHEN {state} = 'applied' THEN {elapsed_ms} END,
    progress = CASE WHEN {state} <> 'applied' THEN progress END
WHERE version = {version}
