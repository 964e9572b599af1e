-- The connected role, and those that were granted to it, if need be by way of others. A superuser counts as a member of
-- every role, so that pg_has_role() would say nothing: only a grant counts.
WITH RECURSIVE held AS (
    SELECT CAST(CAST(pg_catalog.quote_ident(current_user) AS pg_catalog.regrole) AS pg_catalog.oid) AS role
    UNION
    SELECT granted.roleid
    FROM pg_catalog.pg_auth_members AS granted JOIN held ON granted.member OPERATOR(pg_catalog.=) held.role
)
