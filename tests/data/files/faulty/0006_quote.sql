INSERT INTO rooms (name) VALUES ('Studio A);
