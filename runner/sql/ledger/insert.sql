INSERT INTO {schema}._migrations (
    version, name, checksum, origin, state, set_name, tenant, started_at, finished_at, elapsed_ms,
    statements, statements_done, applied_by, run_id, tool_version, git_commit, sql_text
)
VALUES (
    {version}, {name}, {checksum}, {origin}, {state}, {set_name}, {tenant},
    pg_catalog.clock_timestamp() - {elapsed_ms} * interval '1 millisecond',
    CASE WHEN {state} = 'applied' THEN pg_catalog.clock_timestamp() END,
    CASE WHEN {origin} = 'applied' AND {state} = 'applied' THEN {elapsed_ms} END,
    {statements}, {statements_done}, session_user || {os_user}, {run_id}, {tool_version}, {git_commit}, {sql_text}
)
