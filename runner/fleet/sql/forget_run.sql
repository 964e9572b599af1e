WITH gone AS (
    DELETE FROM {schema}.procrastinate_jobs
    WHERE id IN (SELECT job FROM {schema}.batches WHERE run = %(run)s)
)
DELETE FROM {schema}.runs
WHERE run = %(run)s
