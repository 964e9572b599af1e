-- Who else than the owner may change a table or put a trigger on it; reading is not among that. A privilege may be on
-- single columns.
SELECT
    CASE WHEN given.grantee OPERATOR(pg_catalog.=) 0 THEN 'every role' ELSE pg_catalog.concat('role ', pg_catalog.pg_get_userbyid(given.grantee)) END,
    pg_catalog.string_agg(DISTINCT given.privilege_type, ', ' ORDER BY given.privilege_type)
FROM (
        SELECT relation.relowner AS owner, relation.relacl AS acl
        FROM pg_catalog.pg_class AS relation
        WHERE relation.oid OPERATOR(pg_catalog.=) ANY ({ids})
        UNION ALL
        SELECT relation.relowner, attribute.attacl
        FROM pg_catalog.pg_class AS relation
        JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid OPERATOR(pg_catalog.=) relation.oid
        WHERE relation.oid OPERATOR(pg_catalog.=) ANY ({ids})
            AND NOT attribute.attisdropped
            AND attribute.attacl IS NOT NULL
    ) AS granted,
    pg_catalog.aclexplode(granted.acl) AS given
WHERE given.grantee OPERATOR(pg_catalog.<>) granted.owner
    AND pg_catalog.pg_get_userbyid(given.grantee) OPERATOR(pg_catalog.<>) current_user
    AND given.privilege_type OPERATOR(pg_catalog.<>) 'SELECT'
GROUP BY given.grantee
