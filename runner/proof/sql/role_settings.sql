SELECT
    pg_catalog.quote_ident(current_user),
    pg_catalog.split_part(option, '=', 1),
    pg_catalog.substr(option, pg_catalog.strpos(option, '=') OPERATOR(pg_catalog.+) 1)
FROM pg_catalog.pg_db_role_setting AS setting
CROSS JOIN LATERAL pg_catalog.unnest(setting.setconfig) AS option
WHERE setting.setdatabase OPERATOR(pg_catalog.=) 0
    AND setting.setrole OPERATOR(pg_catalog.=) (
        SELECT role.oid FROM pg_catalog.pg_roles AS role WHERE role.rolname OPERATOR(pg_catalog.=) current_user
    )
ORDER BY 2
