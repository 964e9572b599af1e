-- White space at the end of a text counts as one LF in its checksum.
SELECT
    {version},
    name
FROM ONLY {table}
WHERE
    checksum OPERATOR(pg_catalog.<>) pg_catalog.concat(
        'sha256:',
        pg_catalog.encode(
            pg_catalog.sha256(
                pg_catalog.convert_to(
                    pg_catalog.concat(pg_catalog.rtrim(sql_text, E' \t\n\r\f\v'), E'\n'),
                    'UTF8'
                )
            ),
            'hex'
        )
    )
