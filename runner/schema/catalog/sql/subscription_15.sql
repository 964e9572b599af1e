|| ARRAY[
    'synchronous commit', nullif(subscription.subsynccommit, 'off'),
    'binary', CASE WHEN subscription.subbinary THEN 'yes' END,
    'two phase', CASE WHEN subscription.subtwophasestate <> 'd' THEN 'yes' END,
    'disable on error', CASE WHEN subscription.subdisableonerr THEN 'yes' END
]
