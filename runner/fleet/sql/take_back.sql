UPDATE {schema}.procrastinate_jobs
SET status = 'todo', attempts = attempts + 1, scheduled_at = NULL, worker_id = NULL, abort_requested = false
WHERE id = %(job)s AND status = 'doing' AND attempts = %(attempt)s
RETURNING id
