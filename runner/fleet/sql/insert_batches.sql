INSERT INTO {schema}.batches (job, run, content)
SELECT made.job, %(run)s, made.content
FROM ROWS FROM (
    pg_catalog.unnest(%(jobs)s::bigint[]),
    pg_catalog.unnest(%(contents)s::json[])
) AS made (job, content)
