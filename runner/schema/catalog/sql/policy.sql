SELECT
    CAST('pg_catalog.pg_policy' AS regclass),
    policy.oid,
    0,
    'policy',
    relation.name || '.' || quote_ident(policy.polname),
    relation.name,
    0,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'command', CASE policy.polcmd
            WHEN 'r' THEN 'SELECT'
            WHEN 'a' THEN 'INSERT'
            WHEN 'w' THEN 'UPDATE'
            WHEN 'd' THEN 'DELETE'
        END,
        'permissive', CASE WHEN NOT policy.polpermissive THEN 'no' END,
        'roles', CASE WHEN policy.polroles <> CAST('{{0}}' AS oid[]) THEN
            (
                SELECT string_agg(DISTINCT grantee.word, ', ')
                FROM unnest(policy.polroles) AS target (role)
                CROSS JOIN LATERAL (SELECT {target_word} COLLATE "C" AS word) AS grantee
            )
        END,
        'using', pg_get_expr(policy.polqual, policy.polrelid),
        'check', pg_get_expr(policy.polwithcheck, policy.polrelid)
    ]
FROM pg_catalog.pg_policy AS policy
JOIN relation ON relation.oid = policy.polrelid
