, concat_ws(
    ' ',
    string_agg(DISTINCT kind, ' ') FILTER (WHERE more),
    CASE WHEN bool_or(owner <> (SELECT me.oid FROM me)) THEN 'owner' END,
    CASE WHEN bool_or(acl IS NOT NULL) THEN 'grants' END,
    (
        SELECT concat_ws(
            ' ',
            string_agg(DISTINCT CAST(relkind AS text), ' '),
            CASE WHEN bool_or(relhassubclass) THEN 'inheritance' END,
            CASE WHEN bool_or(relkind = 'S' AND relacl IS NOT NULL) THEN 'identity_sequence' END
        )
        FROM relation
    ),
    {sequence_gate}
)
