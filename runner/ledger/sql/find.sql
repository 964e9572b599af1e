SELECT found.id IS NOT NULL, pg_catalog.obj_description(found.id, 'pg_class')
FROM (SELECT pg_catalog.to_regclass({table}) AS id) AS found
