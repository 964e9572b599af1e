-- migrate:up
CREATE TABLE rooms (id int PRIMARY KEY, name text NOT NULL);

-- migrate:down
DROP TABLE rooms;
