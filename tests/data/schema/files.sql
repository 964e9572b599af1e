-- The number of the file on disk behind each table and index of the schema public: a rewrite gives it a new one.
SELECT c.relname, c.relfilenode
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = 'public'::pg_catalog.regnamespace
AND c.relkind IN ('r', 'i')
