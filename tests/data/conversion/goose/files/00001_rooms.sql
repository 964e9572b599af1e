-- +goose Up
CREATE TABLE rooms (id integer PRIMARY KEY, name text);
CREATE INDEX rooms_name ON rooms (name);

-- +goose Down
DROP TABLE rooms;
