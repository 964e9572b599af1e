CREATE TABLE sessions (id int);

---- create above / drop below ----

DROP TABLE sessions;
