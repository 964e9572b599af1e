UPDATE {schema}.runs
SET orders = %(orders)s, reason = %(reason)s
WHERE run = %(run)s
