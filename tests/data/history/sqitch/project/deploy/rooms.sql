BEGIN;
ALTER TABLE rooms ADD name text;
COMMIT;
