-- Verify studio:rooms on pg

BEGIN;

SELECT name FROM rooms WHERE false;

ROLLBACK;
