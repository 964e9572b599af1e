SELECT b.job, j.status::text, j.attempts, j.queue_name::text
FROM {schema}.batches b
LEFT JOIN {schema}.procrastinate_jobs j ON j.id = b.job
WHERE b.run = %(run)s AND (%(jobs)s::bigint[] IS NULL OR b.job = ANY (%(jobs)s::bigint[]))
