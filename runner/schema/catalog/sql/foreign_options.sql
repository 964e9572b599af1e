(
    SELECT string_agg(
        CASE
            -- Any other may be a secret, and is told by a part of its hash.
            WHEN split_part(option, '=', 1) IN (
                'dbname', 'extensions', 'fetch_size', 'host', 'hostaddr', 'port', 'sslmode', 'updatable',
                'use_remote_estimate'
            )
                THEN quote_ident(split_part(option, '=', 1)) || substr(option, strpos(option, '='))
            ELSE {hidden_option}
        END,
        ', '
        ORDER BY option COLLATE "C"
    )
    FROM unnest({options}) AS option
)
