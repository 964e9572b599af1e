SELECT id, pg_catalog.date_part('epoch', at), run_id, version, event, checksum, applied_by, reason, detail
FROM ONLY {schema}._migrations_log
WHERE event = ANY (CAST({failures} AS pg_catalog.text[]))
AND (
    version = ANY (CAST({versions} AS pg_catalog.int8[]))
    OR (version IS NULL AND detail ->> 'name' = ANY (CAST({repeatables} AS pg_catalog.text[])))
)
ORDER BY id DESC
LIMIT 1
