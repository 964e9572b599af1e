-- With their number: the last batch is shorter than the others.
SELECT {shown}, batch.number
FROM (
    SELECT {columns}, pg_catalog.row_number() OVER (ORDER BY {columns})
    FROM {table} AS source
    WHERE {range}
    ORDER BY {columns}
    LIMIT {rows}
) AS batch ({names}, number)
ORDER BY batch.number DESC
LIMIT 1
