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
    NOT relation.plain,
    CAST(ARRAY[] AS text[])
FROM relation
WHERE relation.relkind IN ('r', 'p', 'f')
