SELECT rolname
FROM pg_catalog.pg_roles
WHERE rolname !~ '^pg_' AND rolname <> CURRENT_USER
