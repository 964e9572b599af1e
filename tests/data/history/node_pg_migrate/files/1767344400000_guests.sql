-- Up Migration
CREATE TABLE guests (id int PRIMARY KEY, room_id int REFERENCES rooms);

-- Down Migration
DROP TABLE guests;
