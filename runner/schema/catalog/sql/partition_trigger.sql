-- Where a partition's copy of its parent's trigger is not enabled as that is. Before 15 such copies count as internal.
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
        'triggers', string_agg(
            quote_ident(copy.tgname) || CASE copy.tgenabled
                WHEN 'D' THEN ' disabled'
                WHEN 'R' THEN ' enabled replica'
                WHEN 'A' THEN ' enabled always'
                ELSE ' enabled'
            END,
            ', '
            ORDER BY copy.tgname
        )
    ]
FROM pg_catalog.pg_trigger AS copy
JOIN pg_catalog.pg_trigger AS parent ON parent.oid = copy.tgparentid
JOIN relation ON relation.oid = copy.tgrelid
WHERE (NOT copy.tgisinternal OR copy.tgconstraint = 0) AND copy.tgenabled <> parent.tgenabled
GROUP BY relation.kind, relation.name
