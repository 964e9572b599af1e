ignored (kind, pattern) AS (
    {ignored}
),
hidden AS MATERIALIZED (
    SELECT DISTINCT line.kind, line.name
    FROM line
    JOIN ignored ON ignored.kind IN (line.kind, '*') AND (
        line.name LIKE ignored.pattern ESCAPE '!'
        OR CASE
            WHEN line.kind = 'comment' THEN replace(line.name, ' public.', ' ')
            WHEN left(line.name, 7) = 'public.' THEN substr(line.name, 8)
            ELSE line.name
        END LIKE ignored.pattern ESCAPE '!'
    )
),
visible AS MATERIALIZED (
    SELECT line.*
    FROM line
    WHERE NOT EXISTS (
            SELECT
            FROM hidden
            WHERE hidden.kind = line.kind AND hidden.name = line.name
        )
        AND NOT EXISTS (
            SELECT
            FROM hidden
            WHERE hidden.kind IN ('table', 'view', 'materialized view', 'foreign table') AND hidden.name = line.parent
        )
        AND NOT EXISTS (
            SELECT
            FROM hidden
            WHERE line.kind = 'comment' AND line.name = hidden.kind || ' ' || hidden.name
        )
)
