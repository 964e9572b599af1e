coalesce(
    (
        SELECT ' (' || string_agg(quote_ident(attribute.attname), ', ' ORDER BY attribute.attname) || ')'
        FROM pg_catalog.pg_attribute AS attribute
        WHERE attribute.attrelid = part.prrelid AND attribute.attnum = ANY (CAST(part.prattrs AS smallint[]))
    ),
    ''
)
|| coalesce(' WHERE ' || pg_get_expr(part.prqual, part.prrelid), '')
