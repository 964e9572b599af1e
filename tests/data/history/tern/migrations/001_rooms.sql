CREATE TABLE rooms (id int);

---- create above / drop below ----

DROP TABLE rooms;
