CASE {role}
    WHEN 0 THEN 'PUBLIC'
    WHEN (SELECT me.oid FROM me) THEN 'CURRENT_USER'
    ELSE coalesce(
        (SELECT given.word FROM given WHERE given.role = pg_get_userbyid({role})),
        quote_ident(pg_get_userbyid({role}))
    )
END
