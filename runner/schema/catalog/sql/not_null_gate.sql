CASE
    WHEN EXISTS (
        SELECT
        FROM pg_catalog.pg_constraint
        WHERE contype = 'n' AND (connoinherit OR NOT convalidated)
    )
        THEN 'not_null'
END
