CREATE TABLE guests (id int PRIMARY KEY, room_id int REFERENCES rooms);
