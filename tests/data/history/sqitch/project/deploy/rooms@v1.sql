BEGIN;
CREATE TABLE rooms (id int);
COMMIT;
