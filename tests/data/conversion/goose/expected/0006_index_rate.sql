-- source: goose 10
-- transactional: false

CREATE INDEX CONCURRENTLY rooms_id_name ON rooms (id, name);
