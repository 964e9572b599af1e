(
    NOT (index.indisvalid AND index.indisready AND index.indislive)
    OR index.indisreplident
    OR index.indisclustered
    OR class.relispartition
    -- Only an expression has statistics of its own.
    OR (
        index.indexprs IS NOT NULL
        AND EXISTS (
            SELECT
            FROM pg_catalog.pg_attribute AS attribute
            WHERE attribute.attrelid = class.oid AND attribute.attstattarget <> -1
        )
    )
)
