(
    SELECT CAST(CAST(multi.oid AS regtype) AS text)
    FROM pg_catalog.pg_type AS multi
    WHERE multi.oid = range.rngmultitypid
        AND (
            multi.typnamespace <> type.typnamespace
            OR multi.typname <> CASE
                WHEN strpos(type.typname, 'range') > 0
                    THEN overlay(type.typname PLACING 'multirange' FROM strpos(type.typname, 'range') FOR 5)
                ELSE left(type.typname, 51) || '_multirange'
            END
        )
)
