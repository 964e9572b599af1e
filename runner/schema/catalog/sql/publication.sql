SELECT
    CAST('pg_catalog.pg_publication' AS regclass),
    publication.oid,
    0,
    'publication',
    quote_ident(publication.pubname),
    '',
    0,
    publication.pubowner,
    NULL,
    NULL,
    false,
    ARRAY[
        'all tables', CASE WHEN publication.puballtables THEN 'yes' END,
        'publish', concat_ws(
            ', ',
            CASE WHEN publication.pubinsert THEN 'insert' END,
            CASE WHEN publication.pubupdate THEN 'update' END,
            CASE WHEN publication.pubdelete THEN 'delete' END,
            CASE WHEN publication.pubtruncate THEN 'truncate' END
        ),
        'via root', CASE WHEN publication.pubviaroot THEN 'yes' END,
        'generated columns', {published_generated},
        'tables', (
            SELECT string_agg(relation.name || {published_part}, ', ' ORDER BY relation.name COLLATE "C")
            FROM pg_catalog.pg_publication_rel AS part
            JOIN relation ON relation.oid = part.prrelid
            WHERE part.prpubid = publication.oid
        ),
        'schemas', {published_schemas}
    ]
FROM pg_catalog.pg_publication AS publication
