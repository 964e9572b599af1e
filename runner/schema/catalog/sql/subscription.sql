-- Never its connection string. The slot's name is one of the publisher's, where each tenant needs one of its own; how
-- changes are carried (streaming) is by default other on each major.
SELECT
    CAST('pg_catalog.pg_subscription' AS regclass),
    {subscription_oid},
    0,
    'subscription',
    quote_ident(subscription.subname),
    '',
    0,
    subscription.subowner,
    NULL,
    NULL,
    false,
    ARRAY[
        'publications', (
            SELECT string_agg(quote_ident(publication), ', ' ORDER BY publication COLLATE "C")
            FROM unnest(subscription.subpublications) AS publication
        ),
        'enabled', CASE WHEN NOT subscription.subenabled THEN 'no' END,
        'slot', CASE WHEN subscription.subslotname IS NULL THEN 'NONE' END
    ]{subscription_more}
FROM pg_catalog.pg_subscription AS subscription
WHERE subscription.subdbid = {database_oid}
