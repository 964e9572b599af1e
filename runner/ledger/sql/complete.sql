UPDATE ONLY {schema}._migrations
SET state = 'applied',
    origin = 'marked',
    name = {name},
    checksum = {checksum},
    sql_text = {sql_text},
    rollback_text = {rollback_text},
    statements = {statements},
    statements_done = {statements},
    progress = NULL,
    finished_at = pg_catalog.clock_timestamp()
WHERE version = {version}
