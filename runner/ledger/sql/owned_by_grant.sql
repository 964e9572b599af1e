{held}SELECT CASE
    WHEN NOT pg_catalog.bool_and(
        relowner IN (SELECT role FROM held) OR pg_catalog.pg_get_userbyid(relowner) = {owner}
    ) THEN 'tenantry: owner'
    {flagged}
END
FROM pg_catalog.pg_class WHERE oid = ANY ({ids})
