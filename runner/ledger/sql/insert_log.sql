INSERT INTO {schema}._migrations_log (run_id, version, event, checksum, applied_by, reason, detail)
VALUES ({run_id}, {version}, {event}, {checksum}, pg_catalog.concat(session_user, {os_user}), {reason}, {detail})
