-- Together with what schema.sql says of it. What the role that migrates may do in it is not a difference: an owner may,
-- and any other role was granted as much.
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
            AND nspowner <> (SELECT datdba FROM pg_catalog.pg_database WHERE datname = (SELECT current_database()))
            THEN nspowner
    END,
    ARRAY(
        SELECT item
        FROM unnest(coalesce(nspacl, acldefault('n', nspowner))) AS item
        WHERE NOT EXISTS (
            SELECT
            FROM aclexplode(ARRAY[item]) AS entry
            WHERE entry.grantee <> nspowner AND {grantee_word} = 'CURRENT_USER'
        )
    ),
    {public_acl},
    false,
    NULL
FROM namespace
WHERE nspname = 'public' AND NOT {public_initial}
