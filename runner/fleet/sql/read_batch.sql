SELECT r.run::text, r.request, b.content
FROM {schema}.batches b
JOIN {schema}.runs r USING (run)
JOIN {schema}.procrastinate_jobs j ON j.id = b.job
WHERE b.job = %(job)s AND j.status = 'doing' AND j.attempts = %(attempt)s
