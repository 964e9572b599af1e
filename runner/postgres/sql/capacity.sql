WITH others AS (
    SELECT activity.usesysid
    FROM pg_catalog.pg_stat_activity AS activity
    WHERE activity.datid IS NOT NULL
        AND activity.usesysid IS NOT NULL
        -- A role without rights sees of other roles' sessions neither their type nor their name.
        AND coalesce(activity.backend_type, 'client backend') OPERATOR(pg_catalog.=) 'client backend'
        AND coalesce(activity.application_name, '')
            OPERATOR(pg_catalog.<>) pg_catalog.current_setting('application_name')
)
SELECT
    pg_catalog.pg_backend_pid(),
    least(
        CAST(pg_catalog.current_setting('max_connections') AS integer)
            OPERATOR(pg_catalog.-) CAST(pg_catalog.current_setting('superuser_reserved_connections') AS integer)
            -- Unknown before PostgreSQL 16.
            OPERATOR(pg_catalog.-) CAST(
                coalesce(pg_catalog.current_setting('reserved_connections', true), '0') AS integer
            )
            OPERATOR(pg_catalog.-) (SELECT pg_catalog.count(*) FROM others),
        (
            SELECT role.rolconnlimit
                OPERATOR(pg_catalog.-) (
                    SELECT pg_catalog.count(*) FROM others WHERE others.usesysid OPERATOR(pg_catalog.=) role.oid
                )
            FROM pg_catalog.pg_roles AS role
            WHERE role.rolname OPERATOR(pg_catalog.=) SESSION_USER
                AND NOT role.rolsuper
                AND role.rolconnlimit OPERATOR(pg_catalog.>=) 0
        )
    )
