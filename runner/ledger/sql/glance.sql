-- Operators are qualified, since the tenant's search_path is in force. What the row says is judged by us: that costs the
-- server less. So does a plain number on the right, for which it need not look for a fitting operator.
SELECT
    relkind, relpersistence, relispartition, relrowsecurity, relforcerowsecurity, relhasrules, relhastriggers,
    relhassubclass, relnatts, relchecks, pg_catalog.pg_get_userbyid(relowner), current_user,
    {witness}
FROM pg_catalog.pg_class
WHERE oid OPERATOR(pg_catalog.=) {table}
