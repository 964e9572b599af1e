(
    SELECT sum(hashtextextended(CAST(ROW({}) AS text), 0))
    FROM pg_subscription
    WHERE subdbid = (SELECT oid FROM me)
)
