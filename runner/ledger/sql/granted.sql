-- Who else than the owner may change a table or put a trigger on it; reading is not among that.
SELECT
    CASE WHEN given.grantee OPERATOR(pg_catalog.=) 0 THEN 'every role' ELSE pg_catalog.concat('role ', pg_catalog.pg_get_userbyid(given.grantee)) END,
    pg_catalog.string_agg(given.privilege_type, ', ' ORDER BY given.privilege_type)
FROM pg_catalog.pg_class AS relation, pg_catalog.aclexplode(relation.relacl) AS given
WHERE relation.oid OPERATOR(pg_catalog.=) ANY ({ids})
    AND given.grantee OPERATOR(pg_catalog.<>) relation.relowner
    AND pg_catalog.pg_get_userbyid(given.grantee) OPERATOR(pg_catalog.<>) current_user
    AND given.privilege_type OPERATOR(pg_catalog.<>) 'SELECT'
GROUP BY given.grantee
