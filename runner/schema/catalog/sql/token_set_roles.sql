UNION
SELECT setrole
FROM pg_db_role_setting
WHERE setdatabase = (SELECT oid FROM me)
