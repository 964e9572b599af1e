-- source: sqitch studio:users/sessions

-- Deploy studio:users/sessions to pg
-- requires: rooms

BEGIN;

CREATE TABLE sessions (id integer PRIMARY KEY, room integer REFERENCES rooms);

COMMIT;
