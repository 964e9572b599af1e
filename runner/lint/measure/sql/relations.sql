FROM pg_catalog.pg_class AS class
JOIN pg_catalog.pg_namespace AS space
    ON space.oid = class.relnamespace
LEFT JOIN pg_catalog.pg_index AS index
    ON index.indexrelid = class.oid
LEFT JOIN held
    ON held.relation = class.oid
WHERE class.relkind IN ('r', 'p', 'm', 'v', 'f', 'i', 'I', 'S')
    AND space.nspname !~ '^pg_'
    AND space.nspname <> 'information_schema'
