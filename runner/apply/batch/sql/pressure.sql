SELECT
    (
        SELECT pg_catalog.date_part('epoch', max(standby.replay_lag))
        FROM pg_catalog.pg_stat_replication AS standby
        WHERE standby.state = 'streaming'
    ),
    (
        SELECT max(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), standby.replay_lsn))
        FROM pg_catalog.pg_stat_replication AS standby
        WHERE standby.state = 'streaming'
    ),
    (
        SELECT count(DISTINCT lock.pid)
        FROM pg_catalog.pg_locks AS lock
        JOIN pg_catalog.pg_stat_activity AS activity ON activity.pid = lock.pid
        -- Applications queue at advisory locks by intention: that is no pressure.
        WHERE NOT lock.granted
            AND lock.locktype <> 'advisory'
            AND activity.datname = pg_catalog.current_database()
    )
