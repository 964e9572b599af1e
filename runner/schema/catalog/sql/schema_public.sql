-- Together with what schema.sql says of it.
SELECT
    NULL,
    NULL,
    0,
    'schema',
    'public',
    '',
    0,
    CASE
        WHEN nspowner <> 10
            AND pg_get_userbyid(nspowner) <> 'pg_database_owner'
            AND nspowner <> (SELECT datdba FROM pg_catalog.pg_database WHERE datname = current_database())
            THEN nspowner
    END,
    coalesce(nspacl, acldefault('n', nspowner)),
    {public_acl},
    false,
    NULL
FROM namespace
WHERE nspname = 'public' AND NOT {public_initial}
