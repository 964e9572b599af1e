SELECT id, CAST(extract(epoch FROM at) * 1000000 AS bigint), run_id, version, event, checksum, applied_by, reason, detail
FROM {schema}._migrations_log
WHERE {version} IS NULL OR version = {version}
ORDER BY id
