-- Nothing clears these but VACUUM: what they stand for may be gone.
WHEN pg_catalog.bool_or(relhastriggers OR relhasrules OR relhassubclass) THEN {changed}
