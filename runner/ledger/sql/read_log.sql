SELECT id, pg_catalog.date_part('epoch', at), run_id, version, event, checksum, applied_by, reason, detail
FROM ONLY {schema}._migrations_log
WHERE {version} IS NULL OR version = {version}
ORDER BY id
LIMIT {most}
