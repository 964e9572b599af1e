SELECT {schema}.procrastinate_cancel_job_v1(b.job, false, false)
FROM {schema}.batches b
JOIN {schema}.procrastinate_jobs j ON j.id = b.job
WHERE b.run = %(run)s AND j.status = 'todo' AND (%(queue)s::text IS NULL OR j.queue_name = %(queue)s::text)
