-- migrate:up transaction:false
CREATE TABLE guests (id int PRIMARY KEY, room_id int REFERENCES rooms);

-- migrate:down
DROP TABLE guests;
