UPDATE ONLY {schema}._migrations
SET state = 'running',
    name = {name},
    checksum = {checksum},
    sql_text = {sql_text},
    rollback_text = {rollback_text},
    statements = {statements},
    applied_by = pg_catalog.concat(session_user, {os_user}),
    run_id = {run_id},
    tool_version = {tool_version},
    git_commit = {git_commit}
WHERE version = {version}
