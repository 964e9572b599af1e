-- source: golang-migrate 2
-- transactional: false

DROP INDEX CONCURRENTLY rooms_name;
