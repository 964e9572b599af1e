-- With the members of its family that take its type on the left. Which of them came with CREATE OPERATOR CLASS, and
-- which later, is written down in another way on each major.
SELECT
    CAST('pg_catalog.pg_opclass' AS regclass),
    class.oid,
    0,
    'operator class',
    namespace.prefix || quote_ident(class.opcname) || ' USING ' || quote_ident(method.amname),
    '',
    0,
    class.opcowner,
    NULL,
    NULL,
    false,
    ARRAY[
        'type', format_type(class.opcintype, NULL),
        'family', quote_ident(family_namespace.nspname) || '.' || quote_ident(family.opfname),
        'default', CASE WHEN class.opcdefault THEN 'yes' END,
        'storage', CASE WHEN class.opckeytype <> 0 THEN format_type(class.opckeytype, NULL) END,
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
            WHERE amop.amopfamily = class.opcfamily AND amop.amoplefttype = class.opcintype
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
            WHERE amproc.amprocfamily = class.opcfamily AND amproc.amproclefttype = class.opcintype
        )
    ]
FROM pg_catalog.pg_opclass AS class
JOIN namespace ON namespace.oid = class.opcnamespace
JOIN pg_catalog.pg_am AS method ON method.oid = class.opcmethod
JOIN pg_catalog.pg_opfamily AS family ON family.oid = class.opcfamily
JOIN pg_catalog.pg_namespace AS family_namespace ON family_namespace.oid = family.opfnamespace
WHERE class.oid >= 16384
    AND NOT EXISTS (
        SELECT
        FROM member
        WHERE member.classid = CAST('pg_catalog.pg_opclass' AS regclass) AND member.objid = class.oid
    )
