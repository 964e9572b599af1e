-- From 16 on, columns of a view on one table stand without its name, but for those within a subselect. The same is
-- done here to what earlier servers write: the text is cut into strings, names, parentheses and the rest. Backslashes
-- stand in dollar quotes alone, since a session may have other rules for strings.
(
    WITH RECURSIVE written AS (
        SELECT
            text,
            regexp_replace(substr(text, strpos(text, chr(10) || '   FROM ') + 9), $re$\n {1,2}[A-Z].*$re$, '') AS source
        FROM (SELECT btrim(pg_get_viewdef(relation.oid), ' ;') AS text) AS deparsed
    ),
    single AS (
        SELECT text, substring(source FROM $re$("(?:[^"]|"")+"|[a-z_][a-z0-9_]*)(?:\([^()]*\))?$$re$) AS alias
        FROM written
        WHERE strpos(text, chr(10) || '   FROM ') > 0
            AND text !~ $re$\n(UNION|INTERSECT|EXCEPT)$re$
            AND source !~ $re$,\n {4}[^ ]|\n {5}([A-Z]+ )?JOIN $re$
    ),
    token AS MATERIALIZED (
        SELECT single.alias, part.number, part.found[1] AS text
        FROM single
        CROSS JOIN LATERAL regexp_matches(
            single.text,
            $re$'(?:[^']|'')*'|"(?:[^"]|"")*"\.?|\(\s*(?:SELECT|WITH|VALUES)\M|[()]|[^'"()]+$re$,
            'g'
        ) WITH ORDINALITY AS part (found, number)
    ),
    walk AS (
        SELECT CAST(0 AS bigint) AS number, 0 AS depth, 0 AS hidden, '' AS text
        UNION ALL
        SELECT
            token.number,
            after.depth,
            CASE
                WHEN walk.hidden = 0 AND token.text ~ $re$^\(\s*[A-Z]$re$ THEN after.depth
                WHEN after.depth < walk.hidden THEN 0
                ELSE walk.hidden
            END,
            CASE
                WHEN walk.hidden > 0 OR left(token.text, 1) = '''' THEN token.text
                WHEN token.text = token.alias || '.' THEN ''
                WHEN left(token.alias, 1) = '"' THEN token.text
                ELSE regexp_replace(
                    token.text,
                    '(^|[^a-z0-9_.])' || token.alias || $re$\.(?=[a-z_]|$)$re$,
                    $re$\1$re$,
                    'g'
                )
            END
        FROM walk
        JOIN token ON token.number = walk.number + 1
        CROSS JOIN LATERAL (
            SELECT walk.depth + CASE left(token.text, 1) WHEN '(' THEN 1 WHEN ')' THEN -1 ELSE 0 END AS depth
        ) AS after
    )
    SELECT
        CASE
            WHEN EXISTS (SELECT FROM token) THEN string_agg(walk.text, '' ORDER BY walk.number)
            ELSE max(written.text)
        END
    FROM walk
    CROSS JOIN written
)
