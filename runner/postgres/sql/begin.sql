BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT
    pg_catalog.pg_try_advisory_xact_lock({key}) AND pg_catalog.pg_try_advisory_xact_lock_shared({work_key}),
    pg_catalog.pg_backend_pid(),
    pg_catalog.set_config(
        'application_name', coalesce({application_name}, pg_catalog.current_setting('application_name')), true
    ),
    pg_catalog.set_config('lock_timeout', coalesce({lock_timeout}, pg_catalog.current_setting('lock_timeout')), true),
    pg_catalog.set_config(
        'statement_timeout', coalesce({statement_timeout}, pg_catalog.current_setting('statement_timeout')), true
    ),
    pg_catalog.set_config(
        'synchronous_commit',
        CASE
            WHEN pg_catalog.current_setting('synchronous_commit') OPERATOR(pg_catalog.=) 'off' THEN 'on'
            ELSE pg_catalog.current_setting('synchronous_commit')
        END,
        true
    ),
    {enforced},
    {reading};
SAVEPOINT {savepoint}
