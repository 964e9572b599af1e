-- Revert studio:rooms from pg

BEGIN;

DROP TABLE rooms;

COMMIT;
