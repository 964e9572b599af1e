-- Nothing clears some of these but VACUUM: what they stand for may be gone.
WHEN pg_catalog.bool_or(pg_catalog.concat(
    relkind, relpersistence, relispartition, relrowsecurity, relforcerowsecurity, relhasrules, relhastriggers, relhassubclass
) <> 'rpffffff') THEN {changed}
