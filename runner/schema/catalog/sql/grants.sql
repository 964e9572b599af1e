-- Who may do what, where that is not what the server gives of itself. MAINTAIN is new in 17: an owner has it where the
-- server has it, and ALL is the same with and without. An owner who has lost some
-- privileges of ALL is shown with those that are left.
SELECT
    kind,
    name,
    parent,
    position,
    ARRAY['grants', string_agg(word || ': ' || coalesce(found, 'none'), '; ' ORDER BY word)]
FROM (
    SELECT
        kind,
        name,
        parent,
        position,
        word,
        max(privileges) FILTER (WHERE here) AS found,
        max(privileges) FILTER (WHERE NOT here) AS usual
    FROM (
        SELECT
            kind,
            name,
            parent,
            position,
            word,
            here,
            CASE
                -- Where an owner can be without it, that is told.
                WHEN {maintained} AND every = 7 AND own AND NOT bool_or(privilege = 'MAINTAIN') AND count(*) = 7
                    THEN 'ALL but MAINTAIN'
                WHEN count(*) FILTER (WHERE privilege <> 'MAINTAIN') = every AND bool_and(grantable) THEN 'ALL*'
                WHEN count(*) FILTER (WHERE privilege <> 'MAINTAIN') = every AND NOT bool_or(grantable) THEN 'ALL'
                WHEN every = 7
                    AND own
                    AND NOT bool_or(grantable)
                    AND bool_or(privilege <> 'MAINTAIN')
                    -- Who grants a few back after REVOKE ALL leaves an owner without MAINTAIN. An older server does not
                    -- tell that from REVOKE of some, but hardly anybody grants an owner REFERENCES or TRIGGER back.
                    AND CASE
                        WHEN {maintained} THEN bool_or(privilege = 'MAINTAIN')
                        ELSE bool_or(privilege IN ('REFERENCES', 'TRIGGER'))
                    END
                    THEN 'ALL but ' || (
                        SELECT string_agg(missing, ', ' ORDER BY position)
                        FROM unnest(
                            ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']
                        ) WITH ORDINALITY AS known (missing, position)
                        WHERE missing <> ALL(array_agg(privilege))
                    )
                ELSE string_agg(
                    privilege || CASE WHEN grantable THEN '*' ELSE '' END,
                    ', '
                    ORDER BY array_position(
                        ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'], privilege
                    ),
                    privilege
                )
            END AS privileges
        FROM (
            SELECT
                object.kind,
                object.name,
                object.parent,
                object.position,
                {grantee_word} COLLATE "C" AS word,
                entry.here,
                entry.grantee IS NOT DISTINCT FROM object.owner AS own,
                entry.privilege_type AS privilege,
                bool_or(entry.is_grantable) AS grantable,
                CASE
                    CASE
                        WHEN object.kind = 'default grants' THEN split_part(object.name, ' ', 1)
                        WHEN object.kind = 'privileges' THEN lower(split_part(object.name, ' ', 1))
                        ELSE object.kind
                    END
                    WHEN 'column' THEN 4
                    WHEN 'sequence' THEN 3
                    WHEN 'sequences' THEN 3
                    WHEN 'identity sequence' THEN 3
                    WHEN 'schema' THEN 2
                    WHEN 'schemas' THEN 2
                    WHEN 'large' THEN 2
                    WHEN 'table' THEN 7
                    WHEN 'tables' THEN 7
                    WHEN 'view' THEN 7
                    WHEN 'materialized view' THEN 7
                    WHEN 'foreign table' THEN 7
                    ELSE 1
                END AS every
            FROM object
            CROSS JOIN LATERAL (
                SELECT true AS here, given.grantee, given.privilege_type, given.is_grantable
                FROM aclexplode(object.acl) AS given
                UNION ALL
                SELECT false, given.grantee, given.privilege_type, given.is_grantable
                FROM aclexplode(object.usual) AS given
            ) AS entry
            WHERE object.acl IS NOT NULL
            GROUP BY object.kind, object.name, object.parent, object.position, word, entry.here, own, privilege, every
        ) AS privilege
        GROUP BY kind, name, parent, position, word, here, own, every
    ) AS holding
    GROUP BY kind, name, parent, position, word
) AS grantee
WHERE found IS DISTINCT FROM usual
GROUP BY kind, name, parent, position
