SELECT
    CAST('pg_catalog.pg_ts_parser' AS regclass),
    parser.oid,
    0,
    'text search parser',
    namespace.prefix || quote_ident(parser.prsname),
    '',
    0,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'start', CAST(parser.prsstart AS text),
        'gettoken', CAST(parser.prstoken AS text),
        'end', CAST(parser.prsend AS text),
        'headline', nullif(CAST(parser.prsheadline AS text), '-'),
        'lextypes', CAST(parser.prslextype AS text)
    ]
FROM pg_catalog.pg_ts_parser AS parser
JOIN namespace ON namespace.oid = parser.prsnamespace
WHERE parser.oid >= 16384
    AND NOT EXISTS (
        SELECT
        FROM member
        WHERE member.classid = CAST('pg_catalog.pg_ts_parser' AS regclass) AND member.objid = parser.oid
    )
