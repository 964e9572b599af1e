-- source: flyway 1

CREATE TABLE rooms (id integer PRIMARY KEY);
