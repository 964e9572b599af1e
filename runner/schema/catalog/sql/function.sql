SELECT
    CAST('pg_catalog.pg_proc' AS regclass),
    oid,
    0,
    CASE prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
    CAST(CAST(oid AS regprocedure) AS text),
    '',
    0,
    proowner,
    proacl,
    acldefault('f', proowner),
    false,
    CASE WHEN prokind <> 'a' THEN ARRAY['definition', pg_get_functiondef(oid)] ELSE CAST(ARRAY[] AS text[]) END
FROM routine
