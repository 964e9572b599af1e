-- Together with what table.sql says of it.
SELECT
    NULL,
    NULL,
    0,
    relation.kind,
    relation.name,
    '',
    0,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'persistence', CASE relation.relpersistence WHEN 'u' THEN 'unlogged' END,
        'partition by', CASE relation.relkind WHEN 'p' THEN pg_get_partkeydef(relation.oid) END,
        'of', CASE WHEN relation.reloftype <> 0 THEN format_type(relation.reloftype, NULL) END,
        'options', CASE WHEN relation.reloptions IS NOT NULL THEN
            (SELECT string_agg(option, ', ' ORDER BY option COLLATE "C") FROM unnest(relation.reloptions) AS option)
        END,
        'access method', CASE WHEN relation.relam NOT IN (0, 2) THEN
            (SELECT quote_ident(amname) FROM pg_catalog.pg_am WHERE oid = relation.relam)
        END,
        'row security', nullif(
            concat_ws(
                ', ',
                CASE WHEN relation.relrowsecurity THEN 'enabled' END,
                CASE WHEN relation.relforcerowsecurity THEN 'forced' END
            ),
            ''
        ),
        'replica identity', CASE WHEN relation.relkind <> 'f' THEN
            CASE relation.relreplident WHEN 'n' THEN 'nothing' WHEN 'f' THEN 'full' WHEN 'i' THEN 'index' END
        END
    ]
FROM relation
WHERE relation.relkind IN ('r', 'p', 'f') AND NOT relation.plain
