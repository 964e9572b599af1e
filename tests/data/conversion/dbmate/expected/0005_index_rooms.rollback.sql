-- source: dbmate 20260304090000
-- transactional: false

DROP INDEX CONCURRENTLY rooms_name;
