BEGIN;
CREATE TABLE sessions (id int);
COMMIT;
