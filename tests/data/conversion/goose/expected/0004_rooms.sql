-- source: goose 1

CREATE TABLE rooms (id integer PRIMARY KEY, name text);
CREATE INDEX rooms_name ON rooms (name);
