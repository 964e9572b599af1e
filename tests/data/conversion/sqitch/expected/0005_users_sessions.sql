-- source: sqitch studio:users/sessions

/* The comment below comes from the original file; it is not a header. */
-- Deploy studio:users/sessions to pg
-- requires: rooms

BEGIN;

CREATE TABLE sessions (id integer PRIMARY KEY, room integer REFERENCES rooms);

COMMIT;
