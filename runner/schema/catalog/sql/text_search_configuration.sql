SELECT
    CAST('pg_catalog.pg_ts_config' AS regclass),
    configuration.oid,
    0,
    'text search configuration',
    namespace.prefix || quote_ident(configuration.cfgname),
    '',
    0,
    configuration.cfgowner,
    NULL,
    NULL,
    false,
    ARRAY[
        'parser', quote_ident(parser_namespace.nspname) || '.' || quote_ident(parser.prsname)
    ]
FROM pg_catalog.pg_ts_config AS configuration
JOIN namespace ON namespace.oid = configuration.cfgnamespace
JOIN pg_catalog.pg_ts_parser AS parser ON parser.oid = configuration.cfgparser
JOIN pg_catalog.pg_namespace AS parser_namespace ON parser_namespace.oid = parser.prsnamespace
WHERE configuration.oid >= 16384
    AND NOT EXISTS (
        SELECT
        FROM member
        WHERE member.classid = CAST('pg_catalog.pg_ts_config' AS regclass) AND member.objid = configuration.oid
    )
UNION ALL
SELECT
    NULL,
    NULL,
    0,
    'text search configuration',
    namespace.prefix || quote_ident(configuration.cfgname),
    '',
    0,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'mapping for ' || token.alias,
        string_agg(CAST(CAST(map.mapdict AS regdictionary) AS text), ', ' ORDER BY map.mapseqno)
    ]
FROM pg_catalog.pg_ts_config AS configuration
JOIN namespace ON namespace.oid = configuration.cfgnamespace
JOIN pg_catalog.pg_ts_config_map AS map ON map.mapcfg = configuration.oid
JOIN ts_token_type(configuration.cfgparser) AS token ON token.tokid = map.maptokentype
WHERE configuration.oid >= 16384
    AND NOT EXISTS (
        SELECT
        FROM member
        WHERE member.classid = CAST('pg_catalog.pg_ts_config' AS regclass) AND member.objid = configuration.oid
    )
GROUP BY configuration.oid, namespace.prefix, configuration.cfgname, token.alias
