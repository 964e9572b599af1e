-- With the members that none of its operator classes tells of.
SELECT
    CAST('pg_catalog.pg_opfamily' AS regclass),
    family.oid,
    0,
    'operator family',
    namespace.prefix || quote_ident(family.opfname) || ' USING ' || quote_ident(method.amname),
    '',
    0,
    family.opfowner,
    NULL,
    NULL,
    false,
    ARRAY[
        'operators', (
            SELECT string_agg(
                concat_ws(
                    ' ',
                    amop.amopstrategy,
                    CAST(CAST(amop.amopopr AS regoperator) AS text),
                    'FOR ORDER BY '
                    || (SELECT quote_ident(opfname) FROM pg_catalog.pg_opfamily WHERE oid = amop.amopsortfamily)
                ),
                ', '
                ORDER BY amop.amopstrategy, CAST(CAST(amop.amopopr AS regoperator) AS text) COLLATE "C"
            )
            FROM pg_catalog.pg_amop AS amop
            WHERE amop.amopfamily = family.oid
                AND NOT EXISTS (
                    SELECT
                    FROM pg_catalog.pg_opclass AS class
                    WHERE class.opcfamily = family.oid AND class.opcintype = amop.amoplefttype
                )
        ),
        'functions', (
            SELECT string_agg(
                concat_ws(
                    ' ',
                    amproc.amprocnum,
                    '(' || format_type(amproc.amproclefttype, NULL) || ', '
                    || format_type(amproc.amprocrighttype, NULL) || ')',
                    CAST(CAST(amproc.amproc AS regprocedure) AS text)
                ),
                ', '
                ORDER BY amproc.amprocnum, CAST(CAST(amproc.amproc AS regprocedure) AS text) COLLATE "C"
            )
            FROM pg_catalog.pg_amproc AS amproc
            WHERE amproc.amprocfamily = family.oid
                AND NOT EXISTS (
                    SELECT
                    FROM pg_catalog.pg_opclass AS class
                    WHERE class.opcfamily = family.oid AND class.opcintype = amproc.amproclefttype
                )
        )
    ]
FROM pg_catalog.pg_opfamily AS family
JOIN namespace ON namespace.oid = family.opfnamespace
JOIN pg_catalog.pg_am AS method ON method.oid = family.opfmethod
WHERE family.oid >= 16384
    AND NOT EXISTS (
        SELECT
        FROM member
        WHERE member.classid = CAST('pg_catalog.pg_opfamily' AS regclass) AND member.objid = family.oid
    )
