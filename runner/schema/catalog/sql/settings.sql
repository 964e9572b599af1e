-- What PostgreSQL writes of a schema depends on these; the last ones save time with a query that is planned once and
-- has many small parts. SET is quicker than set_config, which would be planned as well.
SET LOCAL search_path = '';
SET LOCAL quote_all_identifiers = 'off';
SET LOCAL standard_conforming_strings = 'on';
SET LOCAL DateStyle = 'ISO, MDY';
SET LOCAL IntervalStyle = 'postgres';
SET LOCAL TimeZone = 'UTC';
SET LOCAL extra_float_digits = '1';
SET LOCAL bytea_output = 'hex';
SET LOCAL lc_monetary = 'C';
SET LOCAL jit = 'off';
SET LOCAL enable_mergejoin = 'off';
SET LOCAL join_collapse_limit = '1';
SET LOCAL max_parallel_workers_per_gather = '0'
