-- source: golang-migrate 1

BEGIN;
CREATE TABLE IF NOT EXISTS rooms (id integer PRIMARY KEY, name text);
COMMIT;
