SELECT
    'comment',
    object.kind || ' ' || object.name,
    CASE
        WHEN object.kind IN ('table', 'view', 'materialized view', 'foreign table') THEN object.name
        ELSE object.parent
    END,
    0,
    ARRAY['text', description.description]
FROM object
JOIN pg_catalog.pg_description AS description
    ON description.classoid = object.classid
    AND description.objoid = object.objid
    AND description.objsubid = object.subid
WHERE (description.objoid >= 16384 OR description.objoid = 2200)
    AND NOT (object.kind = 'schema' AND object.name = 'public' AND description.description = 'standard public schema')
