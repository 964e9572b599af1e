SELECT
    NULL,
    NULL,
    0,
    'extension',
    quote_ident(extension.extname),
    '',
    0,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY['version', extension.extversion, 'schema', quote_ident(namespace.nspname)]
FROM pg_catalog.pg_extension AS extension
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = extension.extnamespace
