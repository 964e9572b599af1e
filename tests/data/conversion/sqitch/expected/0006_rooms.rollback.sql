-- source: sqitch studio:rooms#2

-- Revert studio:rooms from pg

BEGIN;

ALTER TABLE rooms DROP name;

COMMIT;
