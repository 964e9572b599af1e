SELECT
    CAST('pg_catalog.pg_class' AS regclass),
    relation.oid,
    0,
    relation.kind,
    relation.name,
    '',
    0,
    relation.relowner,
    relation.relacl,
    acldefault('r', relation.relowner),
    ARRAY[
        'persistence', CASE relation.relpersistence WHEN 'u' THEN 'unlogged' END,
        'partition by', CASE relation.relkind WHEN 'p' THEN pg_get_partkeydef(relation.oid) END,
        'partition of', CASE WHEN relation.relispartition THEN parents.names END,
        'bound', CASE WHEN relation.relispartition THEN pg_get_expr(relation.relpartbound, relation.oid) END,
        'detached', CASE WHEN parents.pending THEN 'pending' END,
        'inherits', CASE WHEN NOT relation.relispartition THEN parents.names END,
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
LEFT JOIN (
    SELECT
        link.inhrelid,
        string_agg(parent.name, ', ' ORDER BY link.inhseqno) AS names,
        bool_or({detach_pending}) AS pending
    FROM pg_catalog.pg_inherits AS link
    JOIN relation AS parent ON parent.oid = link.inhparent
    GROUP BY link.inhrelid
) AS parents ON parents.inhrelid = relation.oid
WHERE relation.relkind IN ('r', 'p', 'f')
