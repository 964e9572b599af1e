INSERT INTO {schema}._migrations (
    version, name, checksum, origin, state, set_name, tenant, started_at, finished_at, elapsed_ms,
    statements, statements_done, applied_by, run_id, tool_version, git_commit, sql_text, layout, rollback_text, progress
)
VALUES (
    {version}, {name}, {checksum}, {origin}, {state}, {set_name}, {tenant},
    pg_catalog.transaction_timestamp(), {finished_at}, {elapsed_ms},
    {statements}, {statements_done}, pg_catalog.concat(session_user, {os_user}),
    {run_id}, {tool_version}, {git_commit}, {sql_text}, {layout}, {rollback_text},
    CAST({progress} AS pg_catalog.jsonb)
)
{again}
