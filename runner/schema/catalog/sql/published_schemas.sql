(
    SELECT string_agg(quote_ident(namespace.nspname), ', ' ORDER BY namespace.nspname)
    FROM pg_catalog.pg_publication_namespace AS part
    JOIN namespace ON namespace.oid = part.pnnspid
    WHERE part.pnpubid = publication.oid
)
