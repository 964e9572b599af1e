SELECT pg_catalog.set_config('synchronous_commit', 'on', {local})
WHERE pg_catalog.current_setting('synchronous_commit') OPERATOR(pg_catalog.=) 'off'
