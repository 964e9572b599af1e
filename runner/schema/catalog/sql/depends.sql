SELECT object.kind, object.name, object.parent, object.position, ARRAY['depends on extension', needed.extensions]
FROM (
    SELECT
        depend.classid,
        depend.objid,
        string_agg(quote_ident(extension.extname), ', ' ORDER BY extension.extname) AS extensions
    FROM pg_catalog.pg_depend AS depend
    JOIN pg_catalog.pg_extension AS extension ON extension.oid = depend.refobjid
    WHERE depend.refclassid = CAST('pg_catalog.pg_extension' AS regclass) AND depend.deptype = 'x'
    GROUP BY depend.classid, depend.objid
) AS needed
JOIN object ON object.classid = needed.classid AND object.objid = needed.objid AND object.subid = 0
WHERE object.facts IS NOT NULL
