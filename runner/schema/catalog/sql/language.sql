SELECT
    CAST('pg_catalog.pg_language' AS regclass),
    language.oid,
    0,
    'language',
    quote_ident(language.lanname),
    '',
    0,
    language.lanowner,
    language.lanacl,
    acldefault('l', language.lanowner),
    false,
    ARRAY[
        'trusted', CASE WHEN language.lanpltrusted THEN 'yes' END,
        'handler', nullif(CAST(CAST(language.lanplcallfoid AS regproc) AS text), '-'),
        'inline', nullif(CAST(CAST(language.laninline AS regproc) AS text), '-'),
        'validator', nullif(CAST(CAST(language.lanvalidator AS regproc) AS text), '-')
    ]
FROM pg_catalog.pg_language AS language
WHERE language.oid >= 16384
    AND NOT EXISTS (
        SELECT
        FROM member
        WHERE member.classid = CAST('pg_catalog.pg_language' AS regclass) AND member.objid = language.oid
    )
