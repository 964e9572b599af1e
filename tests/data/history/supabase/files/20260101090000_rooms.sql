CREATE TABLE rooms (id int PRIMARY KEY, name text NOT NULL);
CREATE INDEX rooms_name ON rooms (name);
