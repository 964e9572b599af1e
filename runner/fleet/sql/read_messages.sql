SELECT m.job, m.attempt, m.seq, m.message
FROM ROWS FROM (
    pg_catalog.unnest(%(jobs)s::bigint[]),
    pg_catalog.unnest(%(attempts)s::integer[]),
    pg_catalog.unnest(%(seqs)s::integer[])
) AS known (job, attempt, seq)
JOIN {schema}.messages m ON m.job = known.job AND (m.attempt, m.seq) > (known.attempt, known.seq)
ORDER BY m.job, m.attempt, m.seq
LIMIT 2000
