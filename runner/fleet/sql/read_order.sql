SELECT orders, reason
FROM {schema}.runs
WHERE run = %(run)s
