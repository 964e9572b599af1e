-- The files that hold the rows of both tables, and how many rows this session has written there since it last told the
-- server's statistics, which it does between transactions alone: within one, both change with every row that is written.
-- Functions without a table, so that there is nothing to plan.
pg_catalog.concat_ws(
    ' ',
    pg_catalog.pg_relation_filenode({ledger}),
    pg_catalog.pg_relation_filenode({log}),
    pg_catalog.pg_stat_get_xact_tuples_inserted({ledger}),
    pg_catalog.pg_stat_get_xact_tuples_updated({ledger}),
    pg_catalog.pg_stat_get_xact_tuples_deleted({ledger}),
    pg_catalog.pg_stat_get_xact_tuples_inserted({log}),
    pg_catalog.pg_stat_get_xact_tuples_updated({log}),
    pg_catalog.pg_stat_get_xact_tuples_deleted({log})
)
