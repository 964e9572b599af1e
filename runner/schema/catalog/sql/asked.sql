, concat_ws(
    ' ',
    string_agg(DISTINCT kind, ' ') FILTER (WHERE more),
    CASE WHEN bool_or(owner <> (SELECT me.oid FROM me)) THEN 'owner' END,
    CASE WHEN bool_or(acl IS NOT NULL) THEN 'grants' END,
    (SELECT string_agg(DISTINCT CAST(relkind AS text), ' ') FROM relation),
    CASE WHEN EXISTS (SELECT FROM relation WHERE relhassubclass) THEN 'inheritance' END,
    CASE
        WHEN EXISTS (
            SELECT
            FROM relation
            JOIN pg_catalog.pg_depend AS depend
                ON depend.classid = CAST('pg_catalog.pg_class' AS regclass)
                AND depend.objid = relation.oid
                AND depend.deptype = 'i'
            WHERE relation.relkind = 'S' AND relation.relacl IS NOT NULL
        )
            THEN 'identity_sequence'
    END,
    CASE
        WHEN EXISTS (
            SELECT
            FROM pg_catalog.pg_depend
            WHERE refclassid = CAST('pg_catalog.pg_extension' AS regclass) AND deptype = 'x'
        )
            THEN 'depends'
    END,
    CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_proc WHERE oid >= 16384 AND pronamespace = 11) THEN 'pg_proc' END,
    {brought_gate},
    -- The catalogs that have something of the database's own, beside what belongs to extensions and to tables. What a
    -- view reads is written down of its rule; any other rule depends on its table so that it goes with that.
    (
        SELECT string_agg(CAST(CAST(used.classid AS regclass) AS text), ' ')
        FROM (
            SELECT DISTINCT classid
            FROM (
                SELECT classid, objid
                FROM pg_catalog.pg_depend
                WHERE objid >= 16384
                    AND deptype <> 'i'
                    AND NOT (classid = CAST('pg_catalog.pg_rewrite' AS regclass) AND deptype = 'n')
                -- These may depend on what is built in alone, which is written down nowhere.
                UNION ALL
                SELECT tableoid, oid FROM pg_catalog.pg_cast WHERE oid >= 16384 AND castfunc < 16384
                UNION ALL
                SELECT tableoid, oid FROM pg_catalog.pg_am WHERE oid >= 16384
                UNION ALL
                SELECT tableoid, oid FROM pg_catalog.pg_foreign_data_wrapper WHERE oid >= 16384
            ) AS own
            WHERE (classid, objid) NOT IN (SELECT member.classid, member.objid FROM member)
        ) AS used
    ),
    -- These may depend on nothing. A catalog that never had a row has no page: pg_default_acl, pg_publication,
    -- pg_transform.
    CASE WHEN pg_relation_size(826) > 0 THEN 'default_grants' END,
    CASE WHEN pg_relation_size(6104) > 0 THEN 'publication' END,
    CASE WHEN pg_relation_size(3576) > 0 THEN 'pg_transform' END,
    -- These two are in catalogs that all databases share.
    CASE
        WHEN EXISTS (SELECT FROM pg_catalog.pg_subscription WHERE subdbid = {database_oid}) THEN 'subscription'
    END,
    CASE
        WHEN EXISTS (SELECT FROM pg_catalog.pg_db_role_setting WHERE setdatabase = {database_oid}) THEN 'setting'
    END,
    {not_null_gate},
    CASE
        WHEN EXISTS (
            SELECT
            FROM pg_catalog.pg_class
            WHERE oid >= 16384 AND relkind = 't' AND reloptions IS NOT NULL
        )
            THEN 'toast'
    END,
    CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgenabled <> 'O') THEN 'triggers' END,
    {sequence_gate}
)
