SELECT b.job, b.content, j.lock
FROM {schema}.batches b
LEFT JOIN {schema}.procrastinate_jobs j ON j.id = b.job
WHERE b.run = %(run)s
ORDER BY b.job
