SELECT
    NULL,
    NULL,
    0,
    'default grants',
    concat_ws(
        ' ',
        CASE preset.defaclobjtype
            WHEN 'r' THEN 'tables'
            WHEN 'S' THEN 'sequences'
            WHEN 'f' THEN 'functions'
            WHEN 'T' THEN 'types'
            WHEN 'n' THEN 'schemas'
            ELSE 'large objects'
        END,
        CASE WHEN preset.defaclnamespace <> 0 THEN 'in schema ' || quote_ident(namespace.nspname) END,
        'of ' || nullif({preset_word}, 'CURRENT_USER')
    ),
    '',
    0,
    NULL,
    preset.defaclacl,
    CASE WHEN preset.defaclnamespace = 0 THEN
        acldefault(CASE preset.defaclobjtype WHEN 'S' THEN 's' ELSE preset.defaclobjtype END, preset.defaclrole)
    END,
    false,
    CAST(ARRAY[] AS text[])
FROM pg_catalog.pg_default_acl AS preset
LEFT JOIN namespace ON namespace.oid = preset.defaclnamespace
-- Who may read a ledger in a schema of its own is not compared, as with the ledger itself.
WHERE namespace.nspname IS DISTINCT FROM {ledger} OR {ledger} = 'public'
