,
    concat_ws(' ', string_agg(gates, ' '), {subscription}, {brought_gate}) AS gates,
    concat_ws(
        ' ',
        (SELECT system_identifier FROM pg_control_system()),
        pg_postmaster_start_time(),
        sum(privileges),
        (SELECT privileges FROM catalogs)
    ) AS privileges,
    EXISTS (SELECT FROM member WHERE objid >= 16384) AS extended
