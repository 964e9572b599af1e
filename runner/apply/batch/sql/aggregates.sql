SELECT DISTINCT function.proname
FROM pg_catalog.pg_proc AS function
JOIN pg_catalog.pg_namespace AS space ON space.oid = function.pronamespace
WHERE function.prokind IN ('a', 'w')
    AND (function.proname = ANY ({names}) OR space.nspname || '.' || function.proname = ANY ({names}))
ORDER BY function.proname
