SELECT
    CAST('pg_catalog.pg_rewrite' AS regclass),
    rewrite.oid,
    0,
    'rule',
    relation.name || '.' || quote_ident(rewrite.rulename),
    relation.name,
    0,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'definition', pg_get_ruledef(rewrite.oid),
        'enabled', CASE rewrite.ev_enabled WHEN 'D' THEN 'no' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always' END
    ]
FROM pg_catalog.pg_rewrite AS rewrite
JOIN relation ON relation.oid = rewrite.ev_class
WHERE rewrite.rulename <> '_RETURN'
