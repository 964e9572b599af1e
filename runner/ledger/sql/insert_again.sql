-- A version that was rolled back is applied again; any other row stays.
ON CONFLICT (version) DO UPDATE
SET name = EXCLUDED.name,
    checksum = EXCLUDED.checksum,
    origin = EXCLUDED.origin,
    state = EXCLUDED.state,
    started_at = EXCLUDED.started_at,
    finished_at = EXCLUDED.finished_at,
    elapsed_ms = EXCLUDED.elapsed_ms,
    statements = EXCLUDED.statements,
    statements_done = EXCLUDED.statements_done,
    applied_by = EXCLUDED.applied_by,
    run_id = EXCLUDED.run_id,
    tool_version = EXCLUDED.tool_version,
    git_commit = EXCLUDED.git_commit,
    sql_text = EXCLUDED.sql_text,
    layout = EXCLUDED.layout,
    proven_at = NULL,
    rollback_text = EXCLUDED.rollback_text,
    progress = EXCLUDED.progress
WHERE _migrations.state = 'rolled back'
