|| ARRAY['failover', CASE WHEN subscription.subfailover THEN 'yes' END]
