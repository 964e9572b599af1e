UPDATE ONLY {schema}._migrations
SET progress = COALESCE(progress, CAST('{{}}' AS pg_catalog.jsonb))
    || pg_catalog.jsonb_build_object('batch', CAST({batch} AS pg_catalog.jsonb))
WHERE version = {version}
    -- Unless another session has advanced it since: the same batch would be counted twice.
    AND (progress -> 'batch') IS NOT DISTINCT FROM CAST({before} AS pg_catalog.jsonb)
