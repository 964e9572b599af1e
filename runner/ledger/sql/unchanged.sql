-- Read as an integer, a reason is an error: the statements after it, which would run what was put there, never start.
SELECT CAST(CASE
    WHEN ({versions}) IS DISTINCT FROM {seen} THEN {changed}
    ELSE '1'
END AS pg_catalog.int4)
