WITH written AS (
    INSERT INTO {schema}.messages (job, attempt, seq, message)
    SELECT %(job)s, %(attempt)s, %(before)s + given.place, given.message
    FROM pg_catalog.json_array_elements(%(messages)s::json) WITH ORDINALITY AS given (message, place)
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT pg_catalog.pg_notify(%(channel)s, '') FROM (SELECT pg_catalog.count(*) FROM written) AS counted
