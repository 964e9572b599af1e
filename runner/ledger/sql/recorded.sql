-- Both rows as one statement. Read as an integer, a reason is an error: a COMMIT in the same message never comes.
WITH recorded AS (
    {row}
    RETURNING 1
), logged AS (
    {line}
    RETURNING 1
)
SELECT CAST(CASE
    WHEN EXISTS (SELECT FROM recorded) AND EXISTS (SELECT FROM logged) THEN '1'
    ELSE {lost}
END AS pg_catalog.int4)
