-- source: flyway 2
-- transactional: false

CREATE INDEX CONCURRENTLY rooms_name ON rooms (name);
