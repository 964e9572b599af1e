-- With the tables that a foreign key writes in turn: those referring to a row that is deleted, or gets another key.
WITH RECURSIVE written (oid, events, columns, nulls) AS (
    SELECT class.oid, CAST(%(events)s AS int), array_agg(changed.attnum), false
    FROM pg_catalog.pg_class AS class
    LEFT JOIN pg_catalog.pg_attribute AS changed
        ON changed.attrelid = class.oid AND changed.attname = ANY (%(columns)s)
    WHERE class.oid = ANY (%(written)s)
    GROUP BY class.oid
    UNION
    SELECT
        cause.conrelid,
        CASE WHEN event.bit = 8 AND path.action = 'c' THEN 8 ELSE 16 END,
        cause.conkey,
        path.action = 'n'
    FROM written
    -- The bits of tgtype for DELETE and UPDATE: each way to the referring rows is one of its own.
    JOIN (VALUES (8), (16)) AS event (bit)
        ON written.events & event.bit <> 0
    JOIN pg_catalog.pg_constraint AS cause
        ON cause.contype = 'f'
        AND cause.confrelid = written.oid
        AND (event.bit = 8 OR cause.confkey && written.columns)
    JOIN LATERAL (VALUES (CASE event.bit WHEN 8 THEN cause.confdeltype ELSE cause.confupdtype END)) AS path (action)
        ON path.action IN ('c', 'n', 'd')
)
SELECT
    CAST(class.oid AS bigint),
    space.nspname || '.' || class.relname,
    class.relrowsecurity AND class.relforcerowsecurity,
    EXISTS (
        SELECT
        FROM written
        JOIN pg_catalog.pg_trigger AS late
            ON late.tgrelid = written.oid
        LEFT JOIN pg_catalog.pg_constraint AS cause
            ON cause.oid = late.tgconstraint
        WHERE written.oid = class.oid
            AND late.tginitdeferred
            AND late.tgenabled <> 'D'
            AND CAST(late.tgtype AS int) & written.events <> 0
            -- A row without a duplicate is not looked at again.
            AND NOT (cause.contype IN ('p', 'u', 'x') AND written.events = 4)
            -- An UPDATE that leaves the columns of a key or of the trigger alone has nothing checked.
            AND (
                CAST(late.tgtype AS int) & written.events & 12 <> 0
                OR (cause.oid IS NULL AND CAST(late.tgattr AS text) = '')
                OR written.columns && CAST(late.tgattr AS int2[])
                -- A key without a value is not looked up.
                OR (cause.conrelid = class.oid AND written.columns && cause.conkey AND NOT written.nulls)
                OR (cause.confrelid = class.oid AND written.columns && cause.confkey)
            )
    )
FROM pg_catalog.pg_class AS class
JOIN pg_catalog.pg_namespace AS space
    ON space.oid = class.relnamespace
WHERE class.oid IN (SELECT oid FROM written) OR class.oid = ANY (%(read)s)
ORDER BY 2
