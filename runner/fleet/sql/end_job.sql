UPDATE {schema}.procrastinate_jobs
SET status = 'failed', attempts = attempts + 1
WHERE id = %(job)s AND status = 'doing' AND attempts = %(attempt)s
RETURNING id
