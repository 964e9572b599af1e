{held}SELECT EXISTS (
    SELECT FROM held WHERE pg_catalog.pg_get_userbyid(role) OPERATOR(pg_catalog.=) CAST({owner} AS pg_catalog.name)
)
