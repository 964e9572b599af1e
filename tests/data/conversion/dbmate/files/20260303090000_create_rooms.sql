-- migrate:up
CREATE TABLE rooms (
  id integer PRIMARY KEY,
  name text NOT NULL
);

-- migrate:down
DROP TABLE rooms;
