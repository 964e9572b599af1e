SELECT
    CAST(class.oid AS bigint),
    space.nspname || '.' || class.relname,
    class.relrowsecurity AND class.relforcerowsecurity,
    -- The bits of tgtype for INSERT, DELETE and UPDATE are those that are asked for.
    EXISTS (
        SELECT
        FROM pg_catalog.pg_trigger AS late
        LEFT JOIN pg_catalog.pg_constraint AS cause
            ON cause.oid = late.tgconstraint
        WHERE late.tgrelid = class.oid
            AND late.tginitdeferred
            AND late.tgenabled <> 'D'
            AND CAST(late.tgtype AS int) & %(events)s <> 0
            -- A row without a duplicate is not looked at again.
            AND NOT (cause.contype IN ('p', 'u', 'x') AND %(events)s = 4)
            -- An UPDATE that leaves the columns of a key or of the trigger alone has nothing checked.
            AND (
                CAST(late.tgtype AS int) & %(events)s & 12 <> 0
                OR (cause.oid IS NULL AND CAST(late.tgattr AS text) = '')
                OR EXISTS (
                    SELECT
                    FROM pg_catalog.pg_attribute AS changed
                    WHERE changed.attrelid = class.oid
                        AND changed.attname = ANY (%(columns)s)
                        AND (
                            changed.attnum = ANY (late.tgattr)
                            OR (cause.conrelid = class.oid AND changed.attnum = ANY (cause.conkey))
                            OR (cause.confrelid = class.oid AND changed.attnum = ANY (cause.confkey))
                        )
                )
            )
    )
FROM pg_catalog.pg_class AS class
JOIN pg_catalog.pg_namespace AS space
    ON space.oid = class.relnamespace
WHERE class.oid = ANY (%(oids)s)
ORDER BY 2
