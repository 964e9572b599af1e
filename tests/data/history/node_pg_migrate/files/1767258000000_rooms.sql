-- Up Migration
CREATE TABLE rooms (id int PRIMARY KEY, name text NOT NULL);

-- Down Migration
DROP TABLE rooms;
