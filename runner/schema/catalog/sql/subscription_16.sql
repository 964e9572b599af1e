|| ARRAY[
    'origin', nullif(subscription.suborigin, 'any'),
    'password required', CASE WHEN NOT subscription.subpasswordrequired THEN 'no' END,
    'run as owner', CASE WHEN subscription.subrunasowner THEN 'yes' END
]
