INSERT INTO {schema}._migrations_repeatable AS recorded (
    name, checksum, set_name, tenant, applied_at, elapsed_ms, applied_by, run_id, tool_version, git_commit, sql_text
)
VALUES (
    {name}, {checksum}, {set_name}, {tenant}, pg_catalog.clock_timestamp(), {elapsed_ms},
    pg_catalog.concat(session_user, {os_user}), {run_id}, {tool_version}, {git_commit}, {sql_text}
)
ON CONFLICT (name) DO UPDATE SET
    checksum = excluded.checksum,
    set_name = excluded.set_name,
    tenant = excluded.tenant,
    applied_at = excluded.applied_at,
    elapsed_ms = excluded.elapsed_ms,
    applied_by = excluded.applied_by,
    run_id = excluded.run_id,
    tool_version = excluded.tool_version,
    git_commit = excluded.git_commit,
    sql_text = excluded.sql_text
