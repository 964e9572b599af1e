-- source: dbmate 20260303090000

CREATE TABLE rooms (
  id integer PRIMARY KEY,
  name text NOT NULL
);
