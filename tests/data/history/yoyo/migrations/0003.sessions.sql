-- sessions
-- depends: 0001.rooms

CREATE TABLE sessions (id int);
