-- source: golang-migrate 1

BEGIN;
DROP TABLE IF EXISTS rooms;
COMMIT;
