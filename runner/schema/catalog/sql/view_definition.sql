btrim(pg_get_viewdef(relation.oid), ' ;')
