CASE
    WHEN EXISTS (
        SELECT
        FROM pg_catalog.pg_sequence AS sequence
        JOIN relation ON relation.oid = sequence.seqrelid
        WHERE {sequence_has_more}
    )
        THEN 'sequence'
END
