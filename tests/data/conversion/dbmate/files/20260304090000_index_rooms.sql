-- Names are searched.

-- migrate:up transaction:false
CREATE INDEX CONCURRENTLY rooms_name ON rooms (name);

-- migrate:down transaction:false
DROP INDEX CONCURRENTLY rooms_name;
