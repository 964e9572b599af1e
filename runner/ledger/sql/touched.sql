-- Rows that this transaction or a part of it wrote: of transactions as new as it, only its own are still in progress.
EXISTS (
    SELECT FROM ONLY {table}
    WHERE CASE
        WHEN pg_catalog.age(xmin) OPERATOR(pg_catalog.>) pg_catalog.age(CAST(own.id AS pg_catalog.xid)) THEN false
        ELSE pg_catalog.pg_xact_status(CAST(CAST(
            CAST(CAST(own.id AS pg_catalog.text) AS pg_catalog.int8)
            OPERATOR(pg_catalog.+) pg_catalog.age(CAST(own.id AS pg_catalog.xid))
            OPERATOR(pg_catalog.-) pg_catalog.age(xmin)
        AS pg_catalog.text) AS pg_catalog.xid8)) OPERATOR(pg_catalog.=) 'in progress'
    END
)
-- Rows that it deleted. Statistics are sent between transactions, so those of the last ones of this session may be in
-- the number too: none of these deletes a row and goes on.
OR pg_catalog.pg_stat_get_xact_tuples_deleted({relation}) OPERATOR(pg_catalog.>) 0
