-- source: goose 10
-- transactional: false

DROP INDEX CONCURRENTLY rooms_id_name;
