SELECT CASE
    WHEN NOT pg_catalog.bool_and(pg_catalog.pg_get_userbyid(relowner) IN (current_user, {owner})) THEN 'tenantry: owner'
    {flagged}
END
FROM pg_catalog.pg_class WHERE oid = ANY ({ids})
