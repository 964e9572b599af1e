(
    relation.relpersistence = 'u'
    OR (sequence.seqincrement, sequence.seqmin, sequence.seqstart, sequence.seqcache, sequence.seqcycle)
        IS DISTINCT FROM (1, 1, 1, 1, false)
    OR sequence.seqmax <> CASE sequence.seqtypid
        WHEN 20 THEN 9223372036854775807
        WHEN 23 THEN 2147483647
        ELSE 32767
    END
    -- Of an unlogged table, one that is logged.
    OR ({unlogged_sequences} AND EXISTS (SELECT FROM relation AS main WHERE main.relpersistence = 'u'))
)
