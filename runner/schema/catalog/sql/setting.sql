-- Of this database, and of roles in it. What has a dot in its name is an application's, and may be a secret.
SELECT
    NULL,
    NULL,
    0,
    'setting',
    concat_ws(' of ', split_part(option, '=', 1), CASE WHEN setting.setrole <> 0 THEN {set_word} END),
    '',
    0,
    NULL,
    NULL,
    NULL,
    false,
    ARRAY[
        'value', CASE
            WHEN split_part(option, '=', 1) LIKE '%.%' THEN split_part({hidden_option}, '=', 2)
            ELSE substr(option, strpos(option, '=') + 1)
        END
    ]
FROM pg_catalog.pg_db_role_setting AS setting
CROSS JOIN LATERAL unnest(setting.setconfig) AS option
WHERE setting.setdatabase = {database_oid}
