-- source: sqitch studio:users/sessions

-- Revert studio:users/sessions from pg

BEGIN;

DROP TABLE sessions;

COMMIT;
