-- Verify studio:rooms on pg

BEGIN;

SELECT id FROM rooms WHERE false;

ROLLBACK;
