-- Revert studio:rooms from pg

BEGIN;

ALTER TABLE rooms DROP name;

COMMIT;
