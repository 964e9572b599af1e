-- Tables are qualified, since a temporary one may have the name of a catalog. Functions need not be: with an empty
-- search_path they are found in pg_catalog alone. What was made after initdb has a number from 16384 on, and is found
-- by index.
WITH {sources},
given (role, word) AS (
    {given}
),
object AS (
    {objects}
),
line AS (
    SELECT kind, name, parent, position, facts, owner, acl, more
    FROM object
    WHERE facts IS NOT NULL
    {derived}
)
