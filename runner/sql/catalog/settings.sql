-- What PostgreSQL writes of a schema depends on these; the last ones save time with a query that is planned once and
-- has many small parts.
SELECT set_config(setting.name, setting.value, true)
FROM (
    VALUES
        ('search_path', ''),
        ('quote_all_identifiers', 'off'),
        ('standard_conforming_strings', 'on'),
        ('DateStyle', 'ISO, MDY'),
        ('IntervalStyle', 'postgres'),
        ('TimeZone', 'UTC'),
        ('extra_float_digits', '1'),
        ('bytea_output', 'hex'),
        ('lc_monetary', 'C'),
        ('jit', 'off'),
        ('enable_mergejoin', 'off'),
        ('join_collapse_limit', '1'),
        ('max_parallel_workers_per_gather', '0')
) AS setting (name, value)
