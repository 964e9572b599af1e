UNION ALL
SELECT part.*, NULL, NULL, false
FROM (
{part}
) AS part
