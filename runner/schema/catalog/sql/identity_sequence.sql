-- What an identity column's sequence is, is told of its column: this row is for grants alone.
SELECT
    CAST('pg_catalog.pg_class' AS regclass),
    relation.oid,
    0,
    'identity sequence',
    relation.name,
    main.name,
    0,
    NULL,
    relation.relacl,
    acldefault('s', relation.relowner),
    false,
    CAST(NULL AS text[])
FROM relation
JOIN pg_catalog.pg_depend AS depend
    ON depend.classid = CAST('pg_catalog.pg_class' AS regclass)
    AND depend.objid = relation.oid
    AND depend.objsubid = 0
    AND depend.refclassid = CAST('pg_catalog.pg_class' AS regclass)
    AND depend.deptype = 'i'
JOIN relation AS main ON main.oid = depend.refobjid
WHERE relation.relkind = 'S' AND relation.relacl IS NOT NULL
