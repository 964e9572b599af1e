-- Deploy studio:rooms to pg

BEGIN;

CREATE TABLE rooms (id integer PRIMARY KEY);

COMMIT;
