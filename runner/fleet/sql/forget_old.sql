WITH old AS (
    DELETE FROM {schema}.runs
    WHERE started_at < pg_catalog.clock_timestamp() - interval '30 days'
    RETURNING run
), gone AS (
    DELETE FROM {schema}.procrastinate_jobs
    WHERE id IN (SELECT b.job FROM {schema}.batches b JOIN old USING (run))
)
DELETE FROM {schema}.workers
WHERE seen_at < pg_catalog.clock_timestamp() - interval '1 day'
