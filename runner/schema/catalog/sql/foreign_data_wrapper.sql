SELECT
    CAST('pg_catalog.pg_foreign_data_wrapper' AS regclass),
    wrapper.oid,
    0,
    'foreign data wrapper',
    quote_ident(wrapper.fdwname),
    '',
    0,
    wrapper.fdwowner,
    wrapper.fdwacl,
    acldefault('F', wrapper.fdwowner),
    false,
    ARRAY[
        'handler', nullif(CAST(CAST(wrapper.fdwhandler AS regproc) AS text), '-'),
        'validator', nullif(CAST(CAST(wrapper.fdwvalidator AS regproc) AS text), '-'),
        'options', {wrapper_options}
    ]
FROM pg_catalog.pg_foreign_data_wrapper AS wrapper
WHERE wrapper.oid >= 16384
    AND NOT EXISTS (
        SELECT
        FROM member
        WHERE member.classid = CAST('pg_catalog.pg_foreign_data_wrapper' AS regclass) AND member.objid = wrapper.oid
    )
