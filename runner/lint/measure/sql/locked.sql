FROM held
-- A relation that was dropped is locked until the transaction ends, and in no catalog.
LEFT JOIN (
    pg_catalog.pg_class AS class
    JOIN pg_catalog.pg_namespace AS space
        ON space.oid = class.relnamespace
    LEFT JOIN pg_catalog.pg_index AS index
        ON index.indexrelid = class.oid
)
    ON class.oid = held.relation
WHERE class.oid IS NULL
    OR (
        class.relkind IN ('r', 'p', 'm', 'v', 'f', 'i', 'I', 'S')
        AND space.nspname !~ '^pg_'
        AND space.nspname <> 'information_schema'
    )
